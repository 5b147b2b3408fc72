package io.millrace.cli.run;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.option.ProbeCache;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.listen.RunStart;
import io.millrace.executor.listen.StepProgress;
import io.millrace.prefetch.plan.Machine;
import io.millrace.telemetry.ProgressLine;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;

/** Shows a run on standard error and passes on the wish to stop. */
public final class RunReporter implements RunListener {
    private final CommandContext context;
    private ProgressLine progress;

    public RunReporter(CommandContext context) {
        this.context = context;
    }

    @Override
    public Optional<Machine> machine(Path folder) {
        return ProbeCache.ofThisMachine().find(Optional.of(folder));
    }

    @Override
    public void onPlan(String line) {
        say(line);
    }

    @Override
    public void onStart(RunStart start) {
        say(start.resolved());
        progress =
                new ProgressLine(
                        context.err(),
                        context.terminal(),
                        start.firstStep() - 1,
                        start.totalSteps());
    }

    @Override
    public void onStep(StepProgress step) {
        progress.update(step.step(), step.loss(), step.tokensPerSecond());
    }

    @Override
    public void onEval(long step, double loss, double accuracy) {
        progress.clear();
        say("step " + step + "  " + describe(loss, accuracy));
    }

    @Override
    public boolean stopRequested() {
        return context.interruption().requested();
    }

    /** Runs something as a run that can be interrupted gracefully, and clears the line after it. */
    public <T> T watch(Supplier<T> run) {
        context.interruption().enterRun();
        try {
            return run.get();
        } finally {
            context.interruption().leaveRun();
            if (progress != null) {
                progress.clear();
            }
        }
    }

    /** An evaluation in words. */
    public static String describe(double loss, double accuracy) {
        return Double.isNaN(accuracy)
                ? String.format(Locale.ROOT, "eval loss %.4f", loss)
                : String.format(Locale.ROOT, "eval loss %.4f  accuracy %.4f", loss, accuracy);
    }

    private void say(String line) {
        context.err().println(line);
        context.err().flush();
    }
}
