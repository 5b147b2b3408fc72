package io.millrace.executor.config;

import java.nio.file.Path;
import java.util.Optional;

/**
 * One evaluation.
 *
 * @param model Hugging Face folder
 * @param data JSONL or {@code .txt}
 * @param metric what to compute
 * @param task how an example becomes tokens
 * @param batchSize examples that pass through a block together
 * @param memory where the bytes may be
 * @param adapter folder of an adapter beside the model, if there is one
 */
public record EvalConfig(
        Path model,
        Path data,
        Metric metric,
        TaskConfig task,
        int batchSize,
        MemoryConfig memory,
        Optional<Path> adapter) {
    /** Checks every field. */
    public EvalConfig {
        DataConfig.BATCH_SIZE.require(batchSize);
    }

    /** Of a model by itself. */
    public EvalConfig(
            Path model,
            Path data,
            Metric metric,
            TaskConfig task,
            int batchSize,
            MemoryConfig memory) {
        this(model, data, metric, task, batchSize, memory, Optional.empty());
    }
}
