package io.millrace.executor.config;

import io.millrace.optim.option.Limit;
import java.nio.file.Path;
import java.util.Optional;

/**
 * One continuation of a prompt by the likeliest tokens.
 *
 * @param model Hugging Face folder
 * @param prompt text to continue
 * @param maxNewTokens most tokens to add
 * @param memory where the bytes may be
 * @param adapter folder of an adapter beside the model, if there is one
 */
public record GenerateConfig(
        Path model, String prompt, int maxNewTokens, MemoryConfig memory, Optional<Path> adapter) {
    private static final Limit<Number> MOST = Limit.atLeast(1);

    /** Checks every field. */
    public GenerateConfig {
        MOST.require(maxNewTokens, "--max-new-tokens");
    }

    /** By a model by itself. */
    public GenerateConfig(Path model, String prompt, int maxNewTokens, MemoryConfig memory) {
        this(model, prompt, maxNewTokens, memory, Optional.empty());
    }
}
