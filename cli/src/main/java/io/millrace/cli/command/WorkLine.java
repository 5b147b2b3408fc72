package io.millrace.cli.command;

import io.millrace.cli.context.CommandContext;

/** What is being worked on, on a terminal; silent where there is none. */
final class WorkLine {
    private static final String ERASE = "\r\u001b[K";

    private final CommandContext context;
    private boolean drawn;

    WorkLine(CommandContext context) {
        this.context = context;
    }

    void show(String what) {
        if (context.terminal()) {
            context.err().print(ERASE + "trying " + what);
            context.err().flush();
            drawn = true;
        }
    }

    void erase() {
        if (drawn) {
            context.err().print(ERASE);
            context.err().flush();
            drawn = false;
        }
    }
}
