package io.millrace.cli.context;

/** What the command answers to the shell. */
public final class ExitCode {
    public static final int DONE = 0;
    public static final int FAILED = 1;
    public static final int BAD_INPUT = 2;
    // 128 + SIGINT, as shells report it.
    public static final int INTERRUPTED = 130;

    private ExitCode() {}
}
