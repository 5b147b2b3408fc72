package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.data.Keep;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.optim.Rounding;
import io.millrace.telemetry.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Options from a file are the options of the command line, which wins. */
class RecipeTest {
    @TempDir Path temp;
    private final CommandRun command = new CommandRun();

    @Test
    void aRecipeSaysWhatTheCommandLineWould() throws IOException {
        String recipe =
                write(
                        """
                        {"model": "m", "train": "t.jsonl", "lr": 2e-5, "steps": 7, "seed": "0xff",
                         "label-words": " bad, good", "shuffle": false, "host-budget": "2GiB",
                         "perturbation": "low-rank", "rank": 4, "checkpoint-every": "auto"}
                        """);

        assertThat(command.run("tune", "--config", recipe, "--out=o", "--steps=9", "--rank=3"))
                .as(command.err.toString())
                .isZero();
        assertThat(command.engine.tuned)
                .isEqualTo(
                        TuneConfig.builder(Path.of("m"), Path.of("t.jsonl"), Path.of("o"))
                                .lr(2e-5)
                                .steps(9)
                                .seed(255)
                                .labelWords(List.of(" bad", " good"))
                                .shuffle(false)
                                .memory(MemoryConfig.DEFAULT.withHostBudget(2L << 30))
                                .perturbation("low-rank")
                                .rank(3)
                                .build());
    }

    @Test
    void whatARunRecordsOfItselfIsARecipeOfIt() throws IOException {
        TuneConfig config =
                TuneConfig.builder(Path.of("m"), Path.of("t.jsonl"), Path.of("o"))
                        .eval(Path.of("e.jsonl"))
                        .template("{text} it was")
                        .labelWords(List.of(" a,b", " c"))
                        .seqLen(64)
                        .pack(false)
                        .batchSize(6)
                        .microBatch(2)
                        .shuffle(false)
                        .steps(20)
                        .seed(-7)
                        .lr(3.3e-7)
                        .schedule("cosine")
                        .warmup(2)
                        .weightDecay(0.1)
                        .eps(2e-3)
                        .perturbation("low-rank")
                        .rank(3)
                        .window(10)
                        .optimizer("lozo-m")
                        .beta(0.8)
                        .queries(2)
                        .foldEvery(5)
                        .rounding(Rounding.STOCHASTIC)
                        .matmul(Matmul.BF16)
                        .dtype(DType.BF16)
                        .memory(
                                new MemoryConfig(
                                        "emulated",
                                        OptionalLong.of(5),
                                        OptionalLong.of(6),
                                        Optional.of(Path.of("n")),
                                        OptionalLong.of(7),
                                        3,
                                        false))
                        .evalEvery(4)
                        .checkpointEvery(3)
                        .keep(Keep.BEST)
                        .trace(Path.of("trace.json"))
                        .metricsPort(0)
                        .build();
        Map<String, Object> options = config.options();
        options.put("resume", true); // what the run was, not what the next one is
        String runFile = write(Json.write(Map.of("options", options, "base", "abc")));

        assertThat(command.run("tune", "--config", runFile)).as(command.err.toString()).isZero();
        assertThat(command.engine.tuned).isEqualTo(config);
        assertThat(command.engine.tuned.options()).isEqualTo(config.options());
    }

    @Test
    void findAndProfileTakeWhatTheyHaveAUseFor() throws IOException {
        String recipe =
                write(
                        """
                        {"model": "m", "train": "t.jsonl", "eval": "e.jsonl", "eval-every": 5,
                         "keep": "best", "out": "elsewhere", "lr": 2e-5, "batch-size": 3}
                        """);

        assertThat(command.run("find", "--config", recipe, "--nvme-dir=" + temp))
                .as(command.err.toString())
                .isZero();
        assertThat(command.engine.tuned.data().batchSize()).isEqualTo(3);
        assertThat(command.engine.tuned.data().eval()).isEmpty();
        assertThat(command.engine.tuned.output().evalEvery()).isZero();
        assertThat(command.out.toString()).contains("tune --config " + recipe);
    }

    @Test
    void aPlanTakesTheRecipeOfItsRun() throws IOException {
        Path model = TestModel.write(temp.resolve("model"), DType.BF16, 2, 64);
        String recipe =
                write(
                        Json.write(
                                Map.of(
                                        "model",
                                        model.toString(),
                                        "train",
                                        "t.jsonl",
                                        "lr",
                                        1e-4,
                                        "optimizer",
                                        "lozo-m",
                                        "beta",
                                        0.5,
                                        "perturbation",
                                        "low-rank",
                                        "batch-size",
                                        4)));
        RealCommand plan = new RealCommand(temp);

        assertThat(plan.done(List.of("plan", "--config", recipe, "--gpu=h100", "--batch-size=2")))
                .contains(
                        "--batch-size 2", "--perturbation low-rank --optimizer lozo-m --beta 0.5");
        assertThat(plan.refused(List.of("plan"))).contains("(--model=DIR | --arch=NAME)");
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"lrr\": 1} | : field 'lrr' is no option of a run; write lr, or see",
                "{\"--lr\": 1} | : field '--lr' is no option of a run; write lr, or see 'millrace tune --help'",
                "{\"lr\": \"fast\"} | : field 'lr': 'fast' is not a number; write what --lr takes",
                "{\"lr\": -1} | : field 'lr': -1.0 is not a finite number of at least 0; give",
                "{\"steps\": 1.5} | : field 'steps': 1.5 is not a whole number; write",
                "{\"queries\": 99999999999} | : field 'queries': 99999999999 is not a whole number",
                "{\"shuffle\": \"no\"} | : field 'shuffle': 'no' is not true or false; write",
                "{\"no-shuffle\": true} | : field 'no-shuffle' is an option's other state; write",
                "{\"template\": 3} | : field 'template': 3 is not a text; write",
                "{\"label-words\": [1, 2]} | : field 'label-words': [1, 2] is not a list of words",
                "{\"host-budget\": \"18GBs\"} | : field 'host-budget': '18GBs' is not a size",
                "{\"seed\": 1e3} | : field 'seed': '1000.0' is not a seed such as 42",
                "{\"dtype\": null} | : field 'dtype': null is not a text; write what --dtype takes",
                "{\"optimizer\": \"adam\"} | : field 'optimizer': unknown name 'adam'; known names:",
                "[1] | : is no recipe: ",
                "{\"lr\": | : is no recipe: "
            })
    void whatIsWrongInARecipeIsOneLineWithFileAndField(String text, String said)
            throws IOException {
        String recipe = write(text);

        assertThat(command.run("tune", "--config", recipe, "--model=m", "--train=t", "--out=o"))
                .isEqualTo(2);
        assertThat(command.err.toString())
                .startsWith("millrace: " + recipe + said)
                .matches("[^\\n]+; (give|see|write|known names:) [^\\n]+\\n");
        assertThat(command.engine.tuned).isNull();
    }

    @Test
    void whatNeitherSaysIsMissing() throws IOException {
        String recipe = write("{\"model\": \"m\", \"rank\": 4}");

        assertThat(command.run("tune", "--config", recipe)).isEqualTo(2);
        assertThat(command.err.toString())
                .isEqualTo(
                        "millrace: Missing required options: '--train=FILE', '--out=DIR';"
                                + " see 'millrace tune --help'\n");
        command.run("tune", "--config", recipe, "--train=t", "--out=o");
        assertThat(command.err.toString())
                .isEqualTo(
                        "millrace: --rank: gaussian has no use for it;"
                                + " give --perturbation low-rank or members or projected or"
                                + " singular or subspace or tezo, or leave it out\n");
        command.run("tune", "--config", temp + "/none.json");
        assertThat(command.err.toString()).contains("--config: ", "none.json is not there");
    }

    private String write(String text) throws IOException {
        return Files.writeString(temp.resolve("recipe.json"), text).toString();
    }
}
