package io.millrace.executor.config;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * Which examples a run sees, and how they are cut into batches.
 *
 * @param train JSONL or {@code .txt} to tune on
 * @param eval held-out file of the same kind
 * @param task how an example becomes tokens
 * @param evalSplit fraction at the end of a {@code .txt} that is held out, 0 for none
 * @param batchSize examples a step
 * @param microBatch examples that pass through a block together
 * @param shuffle whether each epoch has its own order
 */
public record DataConfig(
        Path train,
        Optional<Path> eval,
        TaskConfig task,
        double evalSplit,
        int batchSize,
        int microBatch,
        boolean shuffle) {
    /** Checks every field. */
    public DataConfig {
        Check.that(
                evalSplit >= 0 && evalSplit < 1,
                "--eval-split",
                evalSplit + " is not a fraction",
                "give a number from 0 up to, not including, 1");
        Check.that(
                evalSplit == 0 || eval.isEmpty(),
                "--eval-split",
                "an evaluation file is given too",
                "give either --eval or --eval-split");
        Check.that(
                evalSplit == 0 || train.toString().endsWith(".txt"),
                "--eval-split",
                train + " is not a .txt file",
                "give a held-out file with --eval");
        checkBatch(batchSize, microBatch);
    }

    /**
     * Checks how a batch is cut.
     *
     * @param batchSize examples a step
     * @param microBatch examples that pass through a block together
     * @throws io.millrace.memory.BadInputException where no run could have them
     */
    public static void checkBatch(int batchSize, int microBatch) {
        Check.atLeast(1, batchSize, "--batch-size");
        Check.atLeast(1, microBatch, "--micro-batch");
        Check.that(
                microBatch <= batchSize,
                "--micro-batch",
                microBatch + " exceeds the batch of " + batchSize,
                "give at most " + batchSize);
    }

    void addOptions(Map<String, Object> options) {
        options.put("train", train.toString());
        eval.ifPresent(file -> options.put("eval", file.toString()));
        task.addOptions(options);
        if (evalSplit > 0) {
            options.put("eval-split", evalSplit);
        }
        options.put("batch-size", batchSize);
        options.put("micro-batch", microBatch);
        options.put("shuffle", shuffle);
    }
}
