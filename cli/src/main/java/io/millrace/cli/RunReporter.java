package io.millrace.cli;

import io.millrace.executor.config.RunListener;
import io.millrace.executor.config.RunStart;
import io.millrace.executor.config.StepProgress;
import java.util.Locale;
import java.util.function.Supplier;

/** Shows a run on standard error and passes on the wish to stop. */
final class RunReporter implements RunListener {
    private final CommandContext context;
    private final ProgressLine progress;

    RunReporter(CommandContext context) {
        this.context = context;
        progress = new ProgressLine(context.err(), context.terminal(), System::nanoTime);
    }

    @Override
    public void onStart(RunStart start) {
        context.err().println(start.resolved());
        context.err().flush();
        progress.start(start.firstStep());
    }

    @Override
    public void onStep(StepProgress step) {
        progress.show(step);
    }

    @Override
    public void onEval(long step, double loss, double accuracy) {
        progress.erase();
        context.err().println("step " + step + "  " + describe(loss, accuracy));
        context.err().flush();
    }

    @Override
    public boolean stopRequested() {
        return context.interruption().requested();
    }

    /** Runs something as a run that can be interrupted gracefully, and clears the line after it. */
    <T> T watch(Supplier<T> run) {
        context.interruption().enterRun();
        try {
            return run.get();
        } finally {
            context.interruption().leaveRun();
            progress.erase();
        }
    }

    static String describe(double loss, double accuracy) {
        return Double.isNaN(accuracy)
                ? String.format(Locale.ROOT, "eval loss %.4f", loss)
                : String.format(Locale.ROOT, "eval loss %.4f  accuracy %.4f", loss, accuracy);
    }
}
