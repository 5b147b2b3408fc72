package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.cli.context.Operations;
import io.millrace.executor.config.EvalConfig;
import io.millrace.executor.config.GenerateConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.Metric;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.data.Keep;
import io.millrace.executor.quantize.QuantizeConfig;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.optim.Rounding;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CommandLineTest {
    @TempDir Path folder;
    private final CommandRun command = new CommandRun();
    private String out;

    @BeforeEach
    void chooseOutput() {
        out = folder.resolve("out").toString();
    }

    @Test
    void tuneWithoutOptionsIsTheConfigurationsDefaults() {
        assertThat(command.run("tune", "--model", "m", "--train", "t.jsonl", "--out", out))
                .isZero();

        assertThat(command.engine.tuned)
                .isEqualTo(
                        TuneConfig.builder(Path.of("m"), Path.of("t.jsonl"), Path.of(out)).build());
        assertThat(command.out.toString())
                .isEqualTo("done after step 1000, loss 0.7000: " + out + "\n");
    }

    @Test
    void tunePassesEveryOptionOn() {
        int exitCode =
                command.run(
                        ("tune --model=m --train=t.jsonl --eval=e.jsonl --steps=7 --lr=2e-5"
                                        + " --lr-schedule=cosine --warmup=3 --eps=0.01"
                                        + " --weight-decay=0.1 --optimizer=mezo-adam"
                                        + " --perturbation=rademacher --queries=2"
                                        + " --batch-size=8 --micro-batch=4 --seq-len=128"
                                        + " --seed=0xff --no-shuffle --no-pack --fold-every=5"
                                        + " --rounding=stochastic --matmul=tf32 --dtype=float32"
                                        + " --device=emulated --device-budget=1GiB"
                                        + " --host-budget=2GiB --nvme-dir=n --nvme-budget=3GiB"
                                        + " --prefetch=4 --no-overlap --eval-every=2"
                                        + " --checkpoint-every=3 --keep=best --resume --trace=t.json"
                                        + " --template={text} --label-words=a,b --out="
                                        + out)
                                .split(" "));

        assertThat(exitCode).as(command.err.toString()).isZero();
        assertThat(command.engine.tuned)
                .isEqualTo(
                        TuneConfig.builder(Path.of("m"), Path.of("t.jsonl"), Path.of(out))
                                .eval(Path.of("e.jsonl"))
                                .steps(7)
                                .lr(2e-5)
                                .schedule("cosine")
                                .warmup(3)
                                .eps(0.01)
                                .weightDecay(0.1)
                                .optimizer("mezo-adam")
                                .perturbation("rademacher")
                                .queries(2)
                                .batchSize(8)
                                .microBatch(4)
                                .seqLen(128)
                                .seed(255)
                                .shuffle(false)
                                .pack(false)
                                .foldEvery(5)
                                .rounding(Rounding.STOCHASTIC)
                                .matmul(Matmul.TF32)
                                .dtype(DType.F32)
                                .memory(
                                        new MemoryConfig(
                                                "emulated",
                                                OptionalLong.of(1L << 30),
                                                OptionalLong.of(2L << 30),
                                                Optional.of(Path.of("n")),
                                                OptionalLong.of(3L << 30),
                                                4,
                                                false))
                                .evalEvery(2)
                                .checkpointEvery(3)
                                .keep(Keep.BEST)
                                .resume(true)
                                .trace(Path.of("t.json"))
                                .template("{text}")
                                .labelWords(List.of("a", "b"))
                                .build());
    }

    @Test
    void tunePassesTheOptionsOfLowRankPerturbationsOn() {
        int exitCode =
                command.run(
                        ("tune --model=m --train=t.jsonl --perturbation=low-rank --rank=4 --window=20"
                                        + " --optimizer=lozo-m --beta=0.5 --out="
                                        + out)
                                .split(" "));

        assertThat(exitCode).as(command.err.toString()).isZero();
        assertThat(command.engine.tuned)
                .isEqualTo(
                        TuneConfig.builder(Path.of("m"), Path.of("t.jsonl"), Path.of(out))
                                .perturbation("low-rank")
                                .rank(4)
                                .window(20)
                                .optimizer("lozo-m")
                                .beta(0.5)
                                .build());
    }

    @Test
    void labelWordsKeepTheirSpacesAndCommasWhenRepeated() {
        assertThat(labelWords("--label-words", " terrible, great"))
                .containsExactly(" terrible", " great");
        assertThat(labelWords("--label-words", " yes, sir", "--label-words", " no"))
                .containsExactly(" yes, sir", " no");
    }

    @Test
    void tuneAnswersWithOneJsonObject() {
        command.run("tune", "--model", "m", "--train", "t", "--out", out, "--steps", "2", "--json");

        JsonObject answer = Json.parseObject(command.out.toString());
        assertThat(answer.integer("steps_done")).isEqualTo(2);
        assertThat(answer.bool("interrupted", true)).isFalse();
        assertThat(answer.number("last_loss")).isEqualTo(0.7);
        assertThat(answer.object("eval_before").number("accuracy")).isEqualTo(0.5);
        assertThat(answer.object("eval_after").has("accuracy")).isFalse();
        assertThat(answer.string("out")).isEqualTo(out);
    }

    @Test
    void tuneStopsAfterTheStepUnderWayWhenInterrupted() {
        command.engine.duringStep =
                () -> {
                    if (!command.interruption.requested()) {
                        command.interruption.signal();
                    }
                };

        int exitCode =
                command.run("tune", "--model", "m", "--train", "t", "--out", out, "--steps", "5");

        assertThat(exitCode).isEqualTo(130);
        assertThat(command.out.toString()).startsWith("interrupted after step 1,");
        assertThat(command.err.toString()).contains("--resume goes on from here");
    }

    @Test
    void progressAppearsOnATerminalOnly() {
        String[] tune = {"tune", "--model", "m", "--train", "t", "--out", out, "--steps", "3"};

        command.run(tune);
        assertThat(command.err.toString()).doesNotContain("step 3/3", "\r");

        command.terminal = true;
        command.run(tune);
        assertThat(command.err.toString()).contains("step 3/3", "\r");
        assertThat(command.out.toString()).doesNotContain("\r");
    }

    @Test
    void evalPassesItsOptionsOnAndAnswers() {
        command.run(
                "eval",
                "--model",
                "m",
                "--data",
                "d.jsonl",
                "--metric",
                "accuracy",
                "--template",
                "{text} it was",
                "--label-words",
                " bad, good",
                "--batch-size",
                "4");

        assertThat(command.engine.evaluated)
                .containsExactly(
                        new EvalConfig(
                                Path.of("m"),
                                Path.of("d.jsonl"),
                                Metric.ACCURACY,
                                new TaskConfig(
                                        Optional.of("{text} it was"),
                                        List.of(" bad", " good"),
                                        OptionalInt.empty(),
                                        true),
                                4,
                                MemoryConfig.DEFAULT));
        assertThat(command.out.toString())
                .isEqualTo(
                        "eval loss 0.5000  accuracy 0.5000  (1,000 examples, 1,000 scored tokens)\n");
    }

    @Test
    void evalAnswersWithOneJsonObject() {
        command.run("eval", "--model", "m", "--data", "d.jsonl", "--json");

        assertThat(command.out.toString())
                .isEqualTo("{\"loss\":0.5,\"accuracy\":0.5,\"examples\":1000,\"tokens\":1000}\n");
    }

    @Test
    void generatePrintsThePromptWithItsContinuation() {
        command.run("generate", "--model", "m", "--prompt", "@hello", "--max-new-tokens", "2");

        assertThat(command.engine.generated)
                .isEqualTo(new GenerateConfig(Path.of("m"), "@hello", 2, MemoryConfig.DEFAULT));
        assertThat(command.out.toString()).isEqualTo("@hello wörld\n");

        command.run("generate", "--model", "m", "--prompt", "hello", "--json");
        assertThat(command.out.toString())
                .isEqualTo(
                        "{\"prompt\":\"hello\",\"text\":\"hello wörld\",\"prompt_ids\":[1,2],\"new_ids\":[3,4]}\n");
    }

    @Test
    void forwardPassesItsFilesOn() {
        command.run("forward", "--model", "m", "--adapter", "a", "--input", "x", "--output", "y");

        assertThat(command.engine.forwarded)
                .containsExactly(
                        Path.of("m"),
                        Optional.of(Path.of("a")),
                        Path.of("x"),
                        Path.of("y"),
                        MemoryConfig.DEFAULT);
        assertThat(command.out.toString()).isEqualTo("mean loss 0.125000 over 7 tokens: y\n");

        command.run("forward", "--model", "m", "--input", "x", "--output", "y", "--json");
        assertThat(command.out.toString())
                .isEqualTo("{\"mean_loss\":0.125,\"scored_tokens\":7,\"output\":\"y\"}\n");
    }

    @Test
    void replayPassesItsFilesOn() {
        command.run("replay", "--model", "m", "--journal", "j", "--out", "o");

        assertThat(command.engine.replayed)
                .containsExactly(Path.of("m"), Path.of("j"), Path.of("o"));
        assertThat(command.engine.replayedUntil).isEmpty();
        assertThat(command.out.toString()).isEqualTo("replayed 12 steps: o\n");

        command.run("replay", "--model", "m", "--journal", "j", "--until=5", "--out", "o");
        assertThat(command.engine.replayedUntil).hasValue(5);
    }

    @Test
    void synthTakesANameOrAConfiguration() {
        command.run("synth", "--arch", "opt-125m", "--dtype", "bfloat16", "--out", "o", "--json");
        assertThat(command.engine.synthesised)
                .isEqualTo(
                        new Operations.SynthRequest(
                                Optional.of("opt-125m"),
                                Optional.empty(),
                                DType.BF16,
                                Optional.empty(),
                                Path.of("o"),
                                0));
        assertThat(command.out.toString())
                .isEqualTo("{\"parameters\":125239296,\"bytes\":250478592,\"out\":\"o\"}\n");

        command.run("synth", "--config", "c.json", "--dtype", "F16", "--out", "o", "--seed", "-1");
        assertThat(command.engine.synthesised)
                .isEqualTo(
                        new Operations.SynthRequest(
                                Optional.empty(),
                                Optional.of(Path.of("c.json")),
                                DType.F16,
                                Optional.empty(),
                                Path.of("o"),
                                -1));
    }

    @Test
    void quantizeSaysWhatWasLost() {
        command.run("quantize", "--model", "m", "--format", "int4", "--out", "o", "--eval", "e");
        assertThat(command.engine.quantised.group()).isEqualTo(128);
        assertThat(command.engine.quantised.calibration()).isEmpty();
        assertThat(command.engine.quantised.eval()).contains(Path.of("e"));
        assertThat(command.out.toString())
                .startsWith(
                        "1 matrices as int4, relative error 0.0500 (RMS); 4.00KiB of weights"
                                + " became 1.00KiB: o\n")
                .contains("w.weight: 0.0500, at most 0.125");

        command.run(
                "quantize", "--model", "m", "--format", "nf4", "--out", "o", "--calibrate", "c");
        assertThat(command.engine.quantised.group()).isEqualTo(64);
        assertThat(command.engine.quantised.calibration())
                .contains(new QuantizeConfig.Calibration(Path.of("c"), 8192));
    }

    @Test
    void quantizeNamesItsFormats() {
        assertThat(command.run("quantize", "--model", "m", "--format", "int3", "--out", "o"))
                .isEqualTo(2);
        assertThat(command.err.toString()).contains("'int3' is none of int4, int8, nf4, fp8");
    }

    @Test
    void synthShowsOnATerminalWhatIsWritten() {
        command.terminal = true;
        command.run("synth", "--arch", "opt-125m", "--dtype", "bfloat16", "--out", "o");

        assertThat(command.err.toString()).isEqualTo("\r\u001b[Kwritten 64.00MiB\r\u001b[K");
        assertThat(command.out.toString()).isEqualTo("125,239,296 parameters, 238.88MiB: o\n");
    }

    @Test
    void demoTunesTheSampleAndShowsAccuracyBeforeAndAfter() throws Exception {
        command.home = folder;
        Files.createDirectories(folder.resolve("samples"));

        assertThat(command.run("demo", "--out", out, "--steps", "2")).isZero();

        assertThat(command.engine.tuned.model()).isEqualTo(folder.resolve("samples/tiny-lm"));
        assertThat(command.engine.tuned.data().task().labelWords())
                .containsExactly(" terrible", " great");
        assertThat(command.engine.evaluated)
                .extracting(EvalConfig::model)
                .containsExactly(folder.resolve("samples/tiny-lm"), Path.of(out));
        assertThat(command.out.toString())
                .contains("before  accuracy 0.500", "after   accuracy 0.900", "millrace replay");

        command.run("demo", "--out", out, "--steps", "2", "--json");
        assertThat(Json.parseObject(command.out.toString()).string("journal"))
                .isEqualTo(out + "/journal.jsonl");
    }

    @Test
    void helpAndVersionGoToStandardOutput() {
        for (String name :
                List.of("tune", "eval", "generate", "forward", "replay", "synth", "demo")) {
            assertThat(command.run(name, "--help")).isZero();
            assertThat(command.out.toString()).startsWith("Usage: millrace " + name);
            assertThat(command.err.toString()).isEmpty();
        }
        assertThat(command.run("--version")).isZero();
        assertThat(command.out.toString())
                .matches("millrace \\d+\\.\\d+\\.\\d+\\S*, Java 25\\S*\n");
    }

    @Test
    void helpStatesTheDefaultsThatApply() {
        TuneConfig defaults = TuneConfig.builder(Path.of("m"), Path.of("t"), Path.of("o")).build();
        command.run("tune", "--help");
        String help = command.out.toString().replaceAll("\\s+", " ");

        assertThat(help)
                .contains("Steps of the run. Default: " + defaults.arithmetic().steps() + ".")
                .contains("adamw-8bit. Default: " + defaults.arithmetic().optimizer() + ".")
                .contains("Examples a step. Default: " + defaults.data().batchSize() + ".")
                .contains("of the one computed. Default: " + defaults.memory().prefetch() + ".");
    }

    private List<String> labelWords(String... options) {
        String[] all = new String[options.length + 5];
        System.arraycopy(new String[] {"eval", "--model", "m", "--data", "d"}, 0, all, 0, 5);
        System.arraycopy(options, 0, all, 5, options.length);
        assertThat(command.run(all)).as(command.err.toString()).isZero();
        return command.engine.evaluated.getLast().task().labelWords();
    }
}
