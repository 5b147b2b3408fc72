package io.millrace.cli;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.Interruption;
import io.millrace.cli.context.Models;
import io.millrace.model.hub.HubSettings;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;

/** Runs command lines against a stub engine and keeps what they print. */
public final class CommandRun {
    final StubEngine engine = new StubEngine();
    final Captured out = new Captured();
    final Captured err = new Captured();
    final Interruption interruption =
            new Interruption(
                    err.stream,
                    () -> {
                        throw new IllegalStateException("the process would end here");
                    });
    boolean terminal;
    String typed = "";
    Path home = Path.of("nowhere");

    int run(String... arguments) {
        out.bytes.reset();
        err.bytes.reset();
        return Millrace.run(context(), arguments);
    }

    /** What a command is made with here. */
    CommandContext context() {
        return new CommandContext(
                engine,
                new ByteArrayInputStream(typed.getBytes(StandardCharsets.UTF_8)),
                out.stream,
                err.stream,
                terminal,
                interruption,
                offline(err.stream),
                home);
    }

    /** Tests go to no network, and look into nobody's cache. */
    static Models offline(PrintStream err) {
        Map<String, String> variables =
                Map.of("HF_HUB_OFFLINE", "1", "HF_HUB_CACHE", "target/no-cache");
        return new Models(() -> HubSettings.of(variables, Path.of("target")), err, false);
    }

    /** One stream's text. */
    static final class Captured {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        final PrintStream stream = new PrintStream(bytes, false, StandardCharsets.UTF_8);

        void clear() {
            stream.flush();
            bytes.reset();
        }

        @Override
        public String toString() {
            stream.flush();
            return bytes.toString(StandardCharsets.UTF_8);
        }
    }
}
