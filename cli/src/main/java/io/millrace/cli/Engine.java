package io.millrace.cli;

import io.millrace.executor.config.EvalConfig;
import io.millrace.executor.config.GenerateConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.RunListener;
import io.millrace.executor.config.TuneConfig;
import io.millrace.memory.DType;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.LongConsumer;

/** The work behind the commands: the seam at which a test can put a stub. */
interface Engine {
    /**
     * Tunes a model; returns after the last step, or after the one in which a stop was asked for.
     */
    RunSummary tune(TuneConfig config, RunListener listener);

    /** Evaluates a model on a file. */
    EvalResult eval(EvalConfig config);

    /** Continues a prompt. */
    GenerateResult generate(GenerateConfig config);

    /** Writes the logits and losses of a batch of ids. */
    void forward(Path model, Path input, Path output, MemoryConfig memory);

    /** Rebuilds a tuned model from its base and its journal; returns the steps applied. */
    long replay(Path base, Path journal, Path out);

    /** Writes a model of random weights, saying now and then how many more bytes are written. */
    SynthResult synth(SynthRequest request, LongConsumer progress);

    /**
     * How a tuning run ended.
     *
     * @param out the run's folder
     * @param stepsDone steps in the journal
     * @param lastLoss mean of L+ and L− of the last step, NaN when there was none
     * @param before evaluation before the first step, or null
     * @param after evaluation after the last, or null
     * @param interrupted whether it was asked to stop and can be resumed
     */
    record RunSummary(
            Path out,
            long stepsDone,
            double lastLoss,
            EvalResult before,
            EvalResult after,
            boolean interrupted) {}

    /**
     * What an evaluation found.
     *
     * @param loss mean cross-entropy over the labelled tokens
     * @param accuracy share of right answers, NaN where the task has none
     * @param examples examples seen
     * @param tokens labelled tokens seen
     */
    record EvalResult(double loss, double accuracy, long examples, long tokens) {}

    /**
     * A continuation.
     *
     * @param text the new text, without the prompt
     * @param ids the new tokens
     */
    record GenerateResult(String text, List<Integer> ids) {}

    /**
     * A model to make up.
     *
     * @param arch a known architecture's name, or empty where a file gives it
     * @param config a {@code config.json}, or empty where a name gives it
     * @param dtype dtype of the weights
     * @param out folder to write
     * @param seed seed of the weights
     */
    record SynthRequest(
            Optional<String> arch, Optional<Path> config, DType dtype, Path out, long seed) {}

    /**
     * What was made up.
     *
     * @param parameters elements of all tensors
     * @param bytes bytes of all tensors
     */
    record SynthResult(long parameters, long bytes) {}
}
