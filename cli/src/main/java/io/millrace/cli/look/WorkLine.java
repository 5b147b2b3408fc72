package io.millrace.cli.look;

import io.millrace.cli.context.CommandContext;
import io.millrace.executor.listen.RunListener;
import java.util.function.Consumer;

/** What is being worked on, on a terminal; silent where there is none. */
public final class WorkLine {
    private static final String ERASE = "\r\u001b[K";

    private final CommandContext context;
    private boolean drawn;

    /** On the terminal of a command. */
    public WorkLine(CommandContext context) {
        this.context = context;
    }

    /** Work that a signal may ask to stop, and that says what it tries. */
    @FunctionalInterface
    public interface Work<T> {
        /** Does it. */
        T run(RunListener stop, Consumer<String> progress);
    }

    /** Does it, and leaves the terminal as it was. */
    public <T> T during(Work<T> work) {
        RunListener stop =
                new RunListener() {
                    @Override
                    public boolean stopRequested() {
                        return context.interruption().requested();
                    }
                };
        context.interruption().enterRun();
        try {
            return work.run(stop, this::show);
        } finally {
            context.interruption().leaveRun();
            erase();
        }
    }

    private void show(String what) {
        if (context.terminal()) {
            context.err().print(ERASE + "trying " + what);
            context.err().flush();
            drawn = true;
        }
    }

    private void erase() {
        if (drawn) {
            context.err().print(ERASE);
            context.err().flush();
            drawn = false;
        }
    }
}
