package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InitCommandTest {
    @TempDir Path temp;

    @Test
    void fiveAnswersMakeARecipeThatRuns() throws IOException {
        RealCommand command = new RealCommand(temp);
        Path recipe = temp.resolve("recipe.yaml");
        // Model and data as they are proposed, the questions about labels too.
        command.typed = "\n\n\n\n64MiB\n\n3\n";

        assertThat(command.done(List.of("init", recipe.toString())))
                .contains("millrace tune " + recipe + " --dry-run");
        assertThat(Files.readString(recipe))
                .contains(
                        "# Made by 'millrace init'",
                        "model: ../samples/tiny-lm\n",
                        "template: \"{text} It was\"\n",
                        "label-words: [\" terrible\", \" great\"]\n",
                        "host-budget: 67108864\n",
                        "tune: full\n",
                        "steps: 3\n",
                        "micro-batch: ");

        Path out = temp.resolve("out");
        assertThat(command.done(List.of("tune", recipe.toString(), "--out", out.toString())))
                .contains("done after step 3");
        assertThat(out.resolve("model.safetensors")).exists();

        assertThat(command.refused(List.of("init", recipe.toString())))
                .contains("recipe.yaml is there already");
    }

    @Test
    void endOfInputMeansTheProposals() throws IOException {
        RealCommand command = new RealCommand(temp);
        Path recipe = temp.resolve("recipe.yaml");

        command.done(List.of("init", recipe.toString()));
        assertThat(Files.readString(recipe))
                .contains("tune: full\n", "steps: 1000\n")
                .doesNotContain("host-budget");
    }

    @Test
    void whatDoesNotFitIsRefusedAndNothingIsWritten() {
        RealCommand command = new RealCommand(temp);
        String recipe = temp.resolve("recipe.yaml").toString();
        command.typed = "\n\n\n\n1KiB\n\n";
        assertThat(command.failedInput(List.of("init", recipe))).contains("give at least");
        command.typed = "\n\n\n\nmuch\n";
        assertThat(command.failedInput(List.of("init", recipe)))
                .contains("host-budget: 'much' is not a size");
        assertThat(temp).isEmptyDirectory();
    }
}
