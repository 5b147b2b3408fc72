package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Recipes as people write them, and as runs leave them. */
class YamlRecipeTest {
    @TempDir Path temp;
    private final CommandRun command = new CommandRun();

    @Test
    void aRecipeSaysWhatTheCommandLineWould() throws IOException {
        String recipe =
                write(
                        """
                        # what is not quoted is read as on the command line
                        model: m
                        train: t.jsonl
                        lr: .00002
                        steps: 7
                        seed: 0xff
                        label-words: " bad, good"
                        columns: [text=sentence, label=gold]
                        template: '{text} it
                         was'
                        shuffle: false
                        host-budget: 2GiB
                        checkpoint-every: auto
                        """);

        assertThat(command.run("tune", recipe, "--out=o", "--set", "steps=8", "--set=lr=1e-3"))
                .as(command.err.toString())
                .isZero();
        TuneConfig tuned = command.engine.tuned;
        assertThat(tuned.arithmetic().steps()).isEqualTo(8);
        assertThat(tuned.arithmetic().lr()).isEqualTo(1e-3);
        assertThat(tuned.arithmetic().seed()).isEqualTo(255);
        assertThat(tuned.data().shuffle()).isFalse();
        assertThat(tuned.memory()).isEqualTo(MemoryConfig.DEFAULT.withHostBudget(2L << 30));
        assertThat(tuned.options())
                .containsEntry("template", "{text} it was")
                .containsEntry("label-words", List.of(" bad", " good"))
                .containsEntry("columns", List.of("text=sentence", "label=gold"));

        command.run("tune", recipe, "--out=o", "--set=steps=8", "--steps=9", "--set=shuffle=true");
        assertThat(command.engine.tuned.arithmetic().steps()).isEqualTo(9);
        assertThat(command.engine.tuned.data().shuffle()).isTrue();
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "model: m\\nbatch_size: 4 | , line 2: 'batch_size' is no option of a run; write batch-size, or see",
                "learning: 4 | , line 1: 'learning' is no option of a run; see 'millrace tune --help'",
                "a: 1\\nlr: fast | , line 1: 'a' is no option of a run; ",
                "\\nlr: fast | , line 2: 'lr': 'fast' is not a number; write what --lr takes",
                "lr: '1e-6' | , line 1: 'lr': '1e-6' is not a number; write what --lr takes",
                "lr: -1 | , line 1: 'lr': -1.0 is not a finite number of at least 0; give",
                "lr: [1, 2] | , line 1: 'lr': [1.0, 2.0] is not a number; write what",
                "lr: | , line 1: 'lr': there is no value; write what --lr takes",
                "steps: 1.5 | , line 1: 'steps': '1.5' is not a whole number; write",
                "shuffle: yes | , line 1: 'shuffle': 'yes' is not true or false; write",
                "no-shuffle: true | , line 1: 'no-shuffle' is an option's other state; write shuffle: false",
                "dtype: int4 | , line 1: 'dtype': 'int4' is not float32, bfloat16 or float16; write",
                "label-words: [[a], b] | , line 1: 'label-words': a list in a list is not taken; write",
                "lr: 1\\nsteps: 2\\nlr: 3 | , line 3: 'lr' was said in line 1; leave one of them out",
                "data:\\n  train: t | , line 1: 'data' is a section, and a recipe has none; write",
                "- lr | , line 1: is no recipe: no option has a name; write options by name",
                "lr | , line 1: is no recipe: no option has a name; write options by name",
                "template: {text} it\\nlr: 1 | , line 1: is not YAML: ",
                "lr: 1\\n\\tsteps: 2 | , line 2: is not YAML: ",
                "lr: 1\\n---\\nlr: 2 | , line 3: another document begins; write",
                "`` | : says nothing; write options by name, such as lr: 1e-6"
            })
    void whatIsWrongIsOneLineWithFileAndLine(String text, String said) throws IOException {
        String recipe = write(text.replace("\\n", "\n").replace("\\t", "\t"));

        assertThat(command.run("tune", recipe, "--model=m", "--train=t", "--out=o")).isEqualTo(2);
        assertThat(command.err.toString())
                .startsWith("millrace: " + recipe + said)
                .matches("[^\\n]+; [^\\n]+\\n");
        assertThat(command.engine.tuned).isNull();
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            value = {
                "lrr=1 | --set: 'lrr' is no option of a run; write lr, or see",
                "adaptors=2 | --set: 'adaptors' is no option of a run; write adapters, or see",
                "lr=fast | --set: 'lr': 'fast' is not a number; write what --lr takes",
                "no-shuffle=true | --set: 'no-shuffle' is an option's other state; write shuffle=false",
                "lr | --set: 'lr' gives no value to a name; give such as lr=1e-6"
            })
    void whatIsSetIsHeldToTheSame(String word, String said) {
        assertThat(command.run("tune", "--set", word, "--model=m", "--train=t", "--out=o"))
                .isEqualTo(2);
        assertThat(command.err.toString()).startsWith("millrace: " + said);
    }

    @Test
    void oneRecipeIsTaken() throws IOException {
        String recipe = write("lr: 1");

        assertThat(command.run("tune", recipe, "--config", recipe)).isEqualTo(2);
        assertThat(command.err.toString()).contains("RECIPE: ", "; give one recipe\n");
        assertThat(command.run("tune", temp + "/none.yaml")).isEqualTo(2);
        assertThat(command.err.toString())
                .isEqualTo(
                        "millrace: RECIPE: "
                                + temp
                                + "/none.yaml is not there; give a file that is there\n");
    }

    @Test
    void aRunLeavesTheRecipeThatRepeatsItToTheByte() throws IOException {
        RealCommand real = new RealCommand(temp.resolve("nothing"));
        String recipe =
                write(
                        """
                        model: ../samples/tiny-lm
                        train: ../samples/reviews-train.jsonl
                        template: "{text}\\nIt's \\"#1\\": it was"
                        label-words: [" terrible", " great"]
                        lr: 1.7e-3
                        steps: 4
                        batch-size: 3
                        perturbation: low-rank
                        rank: 3
                        window: 2
                        shuffle: false
                        """);
        Path first = temp.resolve("first");
        Path again = temp.resolve("again");

        real.done(
                List.of("tune", recipe, "--out", first.toString(), "--seed", "0xfedcba9876543210"));
        String written = first.resolve("recipe.yaml").toString();
        real.done(List.of("tune", written, "--out", again.toString()));
        assertThat(TestModel.weights(again)).hasSameBinaryContentAs(TestModel.weights(first));
        assertThat(again.resolve("journal.jsonl"))
                .hasSameBinaryContentAs(first.resolve("journal.jsonl"));
        assertThat(Files.readString(again.resolve("recipe.yaml")))
                .isEqualTo(
                        Files.readString(first.resolve("recipe.yaml"))
                                .replace(first.toString(), again.toString()));
        // The same recipe goes on where it was, and has nothing left to do here.
        assertThat(real.done(List.of("tune", written, "--resume"))).contains("nothing left to do");
    }

    @Test
    void aDryRunTellsThePlanAndWritesNothing() throws IOException {
        RealCommand real = new RealCommand(temp);
        String recipe =
                write(
                        """
                        model: ../samples/tiny-lm
                        train: ../samples/reviews-train.jsonl
                        eval: ../samples/reviews-dev.jsonl
                        template: "{text} It was"
                        label-words: " terrible, great"
                        out: %s
                        steps: 700
                        batch-size: 8
                        """
                                .formatted(temp.resolve("out")));
        var before = RealCommand.contents(temp);

        assertThat(real.done(List.of("tune", recipe, "--dry-run")))
                .contains(
                        "1,000 examples of at most 59 tokens",
                        "batch 8 x 59 tokens, 8 at a time",
                        "placement  ",
                        "700 steps take about ")
                .endsWith("nothing was written: leave --dry-run out to run it\n");
        assertThat(real.done(List.of("tune", recipe, "--dry-run", "--json")))
                .contains("\"predicted_step_seconds\":", "\"steps\":700", "\"longest\":59");
        assertThat(RealCommand.contents(temp)).isEqualTo(before);
        assertThat(real.refused(List.of("tune", recipe, "--dry-run", "--host-budget=1KiB")))
                .contains("--host-budget");
        assertThat(real.refused(List.of("tune", recipe, "--dry-run", "--train=none.jsonl")))
                .contains("none.jsonl");
    }

    private String write(String text) throws IOException {
        return Files.writeString(temp.resolve("recipe.yaml"), text).toString();
    }
}
