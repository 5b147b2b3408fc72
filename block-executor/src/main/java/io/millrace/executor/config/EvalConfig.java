package io.millrace.executor.config;

import java.nio.file.Path;

/**
 * One evaluation.
 *
 * @param model Hugging Face folder
 * @param data JSONL or {@code .txt}
 * @param metric what to compute
 * @param task how an example becomes tokens
 * @param batchSize examples that pass through a block together
 * @param memory where the bytes may be
 */
public record EvalConfig(
        Path model, Path data, Metric metric, TaskConfig task, int batchSize, MemoryConfig memory) {
    /** Checks every field. */
    public EvalConfig {
        DataConfig.BATCH_SIZE.require(batchSize);
    }
}
