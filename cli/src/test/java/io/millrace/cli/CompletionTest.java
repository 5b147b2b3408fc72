package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What shells complete, asked of the shells themselves where they are there. */
class CompletionTest {
    @TempDir Path temp;
    private final CommandRun command = new CommandRun();

    @BeforeEach
    void makeFiles() throws IOException {
        Files.writeString(temp.resolve("recipe-a.yaml"), "");
        Files.createDirectories(temp.resolve("model-b"));
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            value = {
                "tu | tune",
                "comp | completion",
                "completion z | zsh",
                "tune --eval-ev | --eval-every",
                "tune --optimizer mezo- | mezo-adam mezo-sgd",
                "tune --perturbation ra | rademacher",
                "tune --track ten | tensorboard",
                "tune --keep b | best",
                "eval --metric acc | accuracy",
                "tune --model mod | model-b",
                "tune --set lr=1 --model mod | model-b",
                "tune recipe | recipe-a.yaml",
                "runs mod | model-b"
            })
    void bashCompletesWords(String typed, String completed) throws Exception {
        assumeTrue(isThere("bash"), "no bash");
        String line = "millrace " + typed;
        String script =
                script("bash")
                        // Bash has it while it completes only, and answers itself with files.
                        + "\ncompopt() { :; }\n"
                        + "COMP_LINE='"
                        + line
                        + "'; COMP_WORDS=($COMP_LINE); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
                        + "COMP_POINT=${#COMP_LINE}; COMPREPLY=()\n"
                        + "_complete_millrace\nprintf '%s\\n' \"${COMPREPLY[@]}\" | sort\n";
        assertThat(run("bash", script)).containsExactly(completed.split(" ", -1));
    }

    @Test
    void zshTakesTheSameScript() throws Exception {
        assertThat(script("zsh")).isEqualTo(script("bash")).contains("bashcompinit");
        assumeTrue(isThere("zsh"), "no zsh");
        String script =
                "autoload -Uz compinit; compinit -u\n"
                        + script("zsh")
                        + "\nprint $_comps[millrace]\n";
        assertThat(run("zsh", script)).last().asString().contains("_bash_complete");
    }

    @Test
    void fishHasALineForEveryCommandAndOption() {
        String script = script("fish");
        assertThat(script)
                .contains(
                        "complete -c millrace -n __fish_use_subcommand -a tune -d 'Tune a model",
                        "__fish_seen_subcommand_from tune' -l model -r -F -d ",
                        "__fish_seen_subcommand_from tune' -l keep -x -a 'last best' -d ",
                        "__fish_seen_subcommand_from completion' -a 'bash zsh fish'",
                        "__fish_seen_subcommand_from eval' -l metric -x -a 'loss ");
        for (String line : script.lines().skip(1).toList()) {
            String unescaped = line.replace("\\\\", "").replace("\\'", "");
            assertThat(unescaped.chars().filter(sign -> sign == '\'').count() % 2)
                    .as(line)
                    .isZero();
        }
    }

    @ParameterizedTest
    @CsvSource({"tu, tune", "tune --eval-ev, --eval-every", "tune --keep b, best"})
    void fishCompletesWords(String typed, String completed) throws Exception {
        assumeTrue(isThere("fish"), "no fish");
        String script = script("fish") + "\ncomplete -C 'millrace " + typed + "'\n";
        assertThat(run("fish", script).stream().map(line -> line.split("\t", -1)[0]))
                .containsExactly(completed);
    }

    private String script(String shell) {
        assertThat(command.run("completion", shell)).as(command.err.toString()).isZero();
        return command.out.toString();
    }

    private static boolean isThere(String shell) {
        return Arrays.stream(System.getenv().getOrDefault("PATH", "").split(":", -1))
                .anyMatch(folder -> Files.isExecutable(Path.of(folder, shell)));
    }

    private List<String> run(String shell, String script) throws Exception {
        Path file = Files.writeString(temp.resolve(".script"), script);
        Process process =
                new ProcessBuilder(shell, file.toString())
                        .directory(temp.toFile())
                        .redirectError(temp.resolve(".errors").toFile())
                        .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(Files.readString(temp.resolve(".errors")) + said).isZero();
        return said.lines().toList();
    }
}
