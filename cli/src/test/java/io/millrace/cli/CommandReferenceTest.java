package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** {@code docs/cli.md} is what {@code --help} says; where it differs, the failure shows both. */
class CommandReferenceTest {
    private static final String HEAD =
            """
            # Command line

            What `--help` says, command by command; a test keeps it so. Sizes read like `18GiB` (1024³) or `18GB` (1000³).
            The launcher passes `MILLRACE_JAVA_OPTS` on to the JVM, such as `-Xmx8g`.

            """;

    @Test
    void referenceIsWhatHelpSays() throws IOException {
        StringBuilder expected = new StringBuilder(HEAD);
        append(expected, "millrace", "--help");
        for (String name : names()) {
            append(expected, "millrace " + name, name, "--help");
        }
        Path actual = Path.of("target", "cli.md");
        Files.writeString(actual, expected);

        assertThat(Files.readString(Path.of("..", "docs", "cli.md")))
                .as("docs/cli.md; to mend it, copy cli/target/cli.md there")
                .isEqualTo(expected.toString());
    }

    /** Of every command, in order. */
    private static Set<String> names() {
        return Millrace.commandLine(new Millrace(), new CommandRun().context())
                .getSubcommands()
                .keySet();
    }

    private static void append(StringBuilder text, String title, String... arguments) {
        CommandRun command = new CommandRun();
        command.run(arguments);
        text.append("## ").append(title).append("\n\n```\n");
        text.append(command.out.toString().replaceAll(" +\n", "\n").strip()).append("\n```\n\n");
    }
}
