package io.millrace.cli.run;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.option.ProbeCache;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.listen.RunStart;
import io.millrace.executor.listen.StepProgress;
import io.millrace.executor.many.ManyListener;
import io.millrace.prefetch.plan.Machine;
import io.millrace.telemetry.ProgressLine;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.Supplier;

/** Shows several runs on standard error as one, and passes on the wish to stop. */
final class ManyReporter implements ManyListener {
    private final CommandContext context;
    private final StepProgress[] newest; // by run; null before its first step
    private int started;
    private ProgressLine progress;

    ManyReporter(CommandContext context, int runs) {
        this.context = context;
        newest = new StepProgress[runs];
    }

    @Override
    public RunListener of(int run) {
        return new Listener(run);
    }

    /** Runs something as a run that can be interrupted gracefully, and clears the line after it. */
    <T> T watch(Supplier<T> runs) {
        context.interruption().enterRun();
        try {
            return runs.get();
        } finally {
            context.interruption().leaveRun();
            clear();
        }
    }

    private synchronized void clear() {
        if (progress != null) {
            progress.clear();
        }
    }

    private synchronized void start(RunStart start) {
        if (started++ == 0) {
            say(start.resolved());
            say(newest.length + " adapters share each pass");
            progress =
                    new ProgressLine(
                            context.err(),
                            context.terminal(),
                            start.firstStep() - 1,
                            start.totalSteps());
        }
    }

    /** Shows how far the slowest is that has begun, and what all do together. */
    private synchronized void step(int run, StepProgress done) {
        newest[run] = done;
        StepProgress[] begun =
                Arrays.stream(newest)
                        .filter(one -> one != null && one.step() < one.totalSteps())
                        .toArray(StepProgress[]::new);
        long slowest = Arrays.stream(begun).mapToLong(StepProgress::step).min().orElse(done.step());
        progress.update(
                slowest,
                Arrays.stream(begun).mapToDouble(StepProgress::loss).average().orElse(done.loss()),
                Arrays.stream(begun).mapToDouble(StepProgress::tokensPerSecond).sum());
    }

    private synchronized void evaluation(int run, long step, double loss, double accuracy) {
        progress.clear();
        say(
                "adapter "
                        + (run + 1)
                        + "  step "
                        + step
                        + "  "
                        + RunReporter.describe(loss, accuracy));
    }

    private void say(String line) {
        context.err().println(line);
        context.err().flush();
    }

    private final class Listener implements RunListener {
        private final int run;

        Listener(int run) {
            this.run = run;
        }

        @Override
        public Optional<Machine> machine(Path folder) {
            return ProbeCache.ofThisMachine().find(Optional.of(folder));
        }

        @Override
        public void onStart(RunStart start) {
            ManyReporter.this.start(start);
        }

        @Override
        public void onStep(StepProgress done) {
            step(run, done);
        }

        @Override
        public void onEval(long step, double loss, double accuracy) {
            evaluation(run, step, loss, accuracy);
        }

        @Override
        public boolean stopRequested() {
            return context.interruption().requested();
        }
    }
}
