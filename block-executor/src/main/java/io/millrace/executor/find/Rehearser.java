package io.millrace.executor.find;

import io.millrace.executor.Rehearsal;
import io.millrace.executor.TuningRun;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.listen.StepProgress;
import io.millrace.executor.run.RunSummary;
import io.millrace.executor.step.DivergedException;
import io.millrace.model.Checkpoint;
import io.millrace.model.WeightScan;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** Takes the first steps of runs that differ in one option. */
final class Rehearser {
    private static final int HELD_OUT = 32;

    private final Function<Path, TuneConfigBuilder> options;
    private final Path folder;
    private final RunListener listener;
    private Optional<WeightScan> base = Optional.empty();
    private int count;

    /**
     * A rehearser.
     *
     * @param options a new builder, for an output folder, with everything but what is tried
     * @param folder where runs may leave what they leave
     * @param listener is asked whether to stop
     */
    Rehearser(Function<Path, TuneConfigBuilder> options, Path folder, RunListener listener) {
        this.options = options;
        this.folder = folder;
        this.listener = listener;
    }

    /** The slopes of some steps at the base weights, which a rate of 0 does not move. */
    Optional<double[]> slopes(double eps, int steps) {
        List<Double> slopes = new ArrayList<>();
        RunListener collector =
                new RunListener() {
                    @Override
                    public void onStep(StepProgress step) {
                        slopes.add(step.projectedGrad());
                    }

                    @Override
                    public boolean stopRequested() {
                        return listener.stopRequested();
                    }
                };
        try {
            run(options.apply(nextFolder()).eps(eps).lr(0), rehearsal(steps, 0), collector);
        } catch (DivergedException e) {
            return Optional.empty(); // so far from the base, losses are no numbers any more
        }
        return Optional.of(slopes.stream().mapToDouble(Double::doubleValue).toArray());
    }

    /**
     * Held-out losses around some steps at a rate; empty where they stop being numbers.
     *
     * @param path which of the trial's random paths, 0 for that of the run itself
     */
    Optional<RunSummary> losses(double eps, double lr, int steps, int path) {
        RunListener stopper =
                new RunListener() {
                    @Override
                    public boolean stopRequested() {
                        return listener.stopRequested();
                    }
                };
        try {
            long seed = options.apply(folder).build().arithmetic().seed();
            TuneConfigBuilder builder =
                    options.apply(nextFolder()).eps(eps).lr(lr).seed(seed + path);
            return Optional.of(run(builder, rehearsal(steps, HELD_OUT), stopper));
        } catch (DivergedException e) {
            return Optional.empty();
        }
    }

    /** The base is the same in every trial: it is scanned for the first. */
    private Rehearsal rehearsal(int steps, int heldOut) {
        if (base.isEmpty()) {
            try (Checkpoint checkpoint = Checkpoint.open(options.apply(folder).build().model())) {
                base = Optional.of(checkpoint.scan());
            }
        }
        return new Rehearsal(steps, heldOut, base);
    }

    private Path nextFolder() {
        return folder.resolve("trial-" + ++count);
    }

    private static RunSummary run(
            TuneConfigBuilder builder, Rehearsal rehearsal, RunListener hears) {
        builder.schedule("constant").warmup(0);
        RunSummary summary = TuningRun.rehearse(builder.build(), rehearsal, hears, List.of());
        if (summary.interrupted()) {
            throw new StoppedException();
        }
        return summary;
    }
}
