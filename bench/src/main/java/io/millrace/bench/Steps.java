package io.millrace.bench;

import io.millrace.bench.program.Folders;
import io.millrace.executor.Rehearsal;
import io.millrace.executor.TuningRun;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.listen.RunListener;
import io.millrace.telemetry.SpanLog;
import io.millrace.telemetry.StepMetrics;
import io.millrace.telemetry.StepObserver;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.ToDoubleFunction;

/** Steps of a run, taken in this process and watched from inside. */
final class Steps {
    private static final int FIRST = 2; // the first has nothing to fold, and memory to touch

    private Steps() {}

    /**
     * Takes the first steps of a run and saves nothing.
     *
     * @param config what the run would do; its folder is removed before and after
     * @param count steps to take, at least one more than are left out
     * @return the figures of all but the first two, or but the first where there are no more
     */
    static List<StepMetrics> take(TuneConfig config, int count) throws IOException {
        List<StepMetrics> taken = new ArrayList<>();
        Folders.delete(config.output().out());
        TuningRun.rehearse(
                config,
                Rehearsal.of(count),
                new RunListener() {},
                List.of(
                        new StepObserver() {
                            @Override
                            public void step(
                                    StepMetrics metrics, SpanLog spans, long startNs, long endNs) {
                                taken.add(metrics);
                            }
                        }));
        Folders.delete(config.output().out());
        return taken.subList(Math.min(FIRST, taken.size() - 1), taken.size());
    }

    /** The step of median length. */
    static StepMetrics median(List<StepMetrics> steps) {
        return steps.stream()
                .sorted(Comparator.comparingDouble(step -> step.overlap().seconds()))
                .toList()
                .get(steps.size() / 2);
    }

    /** The median of a figure. */
    static double median(List<StepMetrics> steps, ToDoubleFunction<StepMetrics> figure) {
        return DeviceCopies.median(steps.stream().mapToDouble(figure).toArray());
    }
}
