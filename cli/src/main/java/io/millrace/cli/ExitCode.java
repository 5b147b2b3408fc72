package io.millrace.cli;

/** What the command answers to the shell. */
final class ExitCode {
    static final int DONE = 0;
    static final int FAILED = 1;
    static final int BAD_INPUT = 2;
    // 128 + SIGINT, as shells report it.
    static final int INTERRUPTED = 130;

    private ExitCode() {}
}
