package io.millrace.executor.config;

import java.nio.file.Path;

/**
 * One continuation of a prompt by the likeliest tokens.
 *
 * @param model Hugging Face folder
 * @param prompt text to continue
 * @param maxNewTokens most tokens to add
 * @param memory where the bytes may be
 */
public record GenerateConfig(Path model, String prompt, int maxNewTokens, MemoryConfig memory) {
    /** Checks every field. */
    public GenerateConfig {
        Check.atLeast(1, maxNewTokens, "--max-new-tokens");
    }
}
