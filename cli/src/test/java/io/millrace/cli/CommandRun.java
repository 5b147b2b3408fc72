package io.millrace.cli;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;

/** Runs command lines against a stub engine and keeps what they print. */
final class CommandRun {
    final StubEngine engine = new StubEngine();
    final StringWriter out = new StringWriter();
    final StringWriter err = new StringWriter();
    private final PrintWriter errWriter = new PrintWriter(err);
    final Interruption interruption =
            new Interruption(
                    errWriter,
                    () -> {
                        throw new IllegalStateException("the process would end here");
                    });
    boolean terminal;
    Path home = Path.of("nowhere");

    int run(String... arguments) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        return Millrace.run(
                new CommandContext(
                        engine, new PrintWriter(out), errWriter, terminal, interruption, home),
                arguments);
    }
}
