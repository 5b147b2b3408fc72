package io.millrace.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TrainedTensors;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.plan.ModelPlan;
import io.millrace.executor.plan.ModelPlanner;
import io.millrace.executor.plan.ModelShape;
import io.millrace.executor.plan.PlanOptions;
import io.millrace.memory.BadInputException;
import io.millrace.optim.objective.Objectives;
import io.millrace.optim.option.Settings;
import io.millrace.prefetch.plan.MachineFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModelTest {
    private static final Path SAMPLES = Path.of("../samples");

    @TempDir private Path folder;

    private final Model model = Model.open(SAMPLES.resolve("tiny-lm"));

    private ModelOptions reviews() {
        return new ModelOptions()
                .set("template", "{text} verdict :")
                .set("label-words", " terrible, great");
    }

    private ModelOptions run(String out) {
        return reviews()
                .set("train", SAMPLES.resolve("reviews-train.jsonl"))
                .set("out", folder.resolve(out))
                .set("batch-size", 4)
                .set("lr", 1e-4)
                .set("steps", 5);
    }

    @Test
    void aListenerHearsEveryStepAndMayEndTheRunWhichGoesOnToTheSameBytes() throws IOException {
        List<Long> steps = new ArrayList<>();
        TuneListener listener =
                new TuneListener() {
                    @Override
                    public void onStep(long step, long of, double loss, double seconds) {
                        assertThat(of).isEqualTo(5);
                        assertThat(loss).isPositive();
                        steps.add(step);
                    }

                    @Override
                    public boolean stops() {
                        return steps.size() == 2;
                    }
                };
        Tuned part = model.tune(run("parts"), listener);
        assertThat(part.interrupted()).isTrue();
        assertThat(part.steps()).isEqualTo(2);
        Tuned rest = model.tune(run("parts").set("resume"), TuneListener.SILENT);
        assertThat(rest.interrupted()).isFalse();
        Tuned whole = model.tune(run("whole").set("host-budget", "1GiB"));
        assertThat(steps).containsExactly(1L, 2L);
        assertThat(whole.loss()).isEqualTo(rest.loss());
        assertThat(rest.folder().resolve("model.safetensors"))
                .hasSameBinaryContentAs(whole.folder().resolve("model.safetensors"));
        RunJournal journal = RunJournal.read(whole.folder().resolve("journal.jsonl"));
        assertThat(journal.steps()).isEqualTo(5);
        assertThat(journal.lastLoss()).isEqualTo(whole.loss());
        assertThat(journal.header()).containsEntry("batch_size", 4L);
        assertThat(journal.damage()).isEmpty();
        assertThat(Files.exists(whole.model().folder().resolve("config.json"))).isTrue();
    }

    /** Its steps are in no journal: what it goes on from is the checkpoint of where it stopped. */
    @Test
    void aRunAlongTheGradientGoesOnToTheSameBytes() throws IOException {
        List<Double> losses = new ArrayList<>();
        TuneListener two =
                new TuneListener() {
                    @Override
                    public void onStep(long step, long of, double loss, double seconds) {
                        losses.add(loss);
                    }

                    @Override
                    public boolean stops() {
                        return losses.size() == 2;
                    }
                };
        Tuned part = model.tune(run("parts").set("method", "adamw"), two);
        assertThat(part.interrupted()).isTrue();
        Tuned rest = model.tune(run("parts").set("method", "adamw").set("resume"));
        Tuned whole = model.tune(run("whole").set("method", "adamw"));
        assertThat(rest.steps()).isEqualTo(5);
        assertThat(whole.loss()).isEqualTo(rest.loss()).isLessThan(losses.getFirst());
        assertThat(rest.folder().resolve("model.safetensors"))
                .hasSameBinaryContentAs(whole.folder().resolve("model.safetensors"));
        RunJournal journal = RunJournal.read(rest.folder().resolve("journal.jsonl"));
        assertThat(journal.header()).containsEntry("replayable", false);
        assertThat(journal.steps()).isEqualTo(5);
    }

    @Test
    void aModelIsEvaluatedAndGoesOnWithText() {
        Scores scores =
                model.evaluate(
                        SAMPLES.resolve("reviews-dev.jsonl"),
                        reviews().set("metric", "accuracy").set("batch-size", 50));
        assertThat(scores.accuracy().orElseThrow()).isBetween(0.3, 1.0);
        assertThat(scores.f1()).isEmpty();
        assertThat(scores.perplexity()).isEqualTo(Math.exp(scores.loss()));
        ModelOptions four = new ModelOptions().set("max-new-tokens", 4);
        Generated likeliest = model.generate("the film", four);
        assertThat(likeliest.newIds()).hasSizeLessThanOrEqualTo(4).isNotEmpty();
        assertThat(likeliest.text()).startsWith("the film");
        assertThat(model.generate("the film", four)).isEqualTo(likeliest);
        assertThat(model.generate("the film", four.set("temperature", 5).set("seed", 3)))
                .isNotEqualTo(likeliest);
    }

    @Test
    void aPlanSaysWhatARunTakes() {
        Plan plan = model.plan(new ModelOptions().set("batch-size", 4).set("seq-len", 64));
        assertThat(plan.homes()).isNotEmpty().containsOnly("host");
        assertThat(plan.stepSeconds()).isPositive();
        long least = plan.bytes().minimumHost();
        assertThat(least).isBetween(1L, plan.bytes().host());
        Plan small =
                model.plan(
                        new ModelOptions()
                                .set("batch-size", 4)
                                .set("seq-len", 64)
                                .set("host-budget", least));
        assertThat(small.bytes().host()).isLessThanOrEqualTo(least);
    }

    /** As {@code millrace plan} does: from the same words, by the same planner. */
    @ParameterizedTest
    @CsvSource({"loss, 1, 1", "accuracy, 3, 1", "loss, 1, 4"})
    void aPlanHasTheFiguresOfTheCommand(String objective, int candidates, int adapters)
            throws IOException {
        Path machine =
                Files.writeString(
                        folder.resolve("machine.json"),
                        """
                        {"nvme": {"read_bytes_per_second": 7e9, "write_bytes_per_second": 5e9},
                         "host": {"copy_bytes_per_second": 1e10, "memory_bytes": 68719476736,
                                  "cores": 8},
                         "device": {"name": "cpu", "matmul_flops_per_second": {"float32": 1e11},
                                    "h2d_bytes_per_second": 1e10, "d2h_bytes_per_second": 1e10}}
                        """);
        Plan plan =
                model.plan(
                        new ModelOptions()
                                .set("machine", machine)
                                .set("batch-size", 4)
                                .set("seq-len", 64)
                                .set("tune", "lora")
                                .set("objective", objective)
                                .set("label-words", "bad", "so", "good")
                                .set("adapters", adapters));
        ArithmeticConfig arithmetic =
                TuneConfig.builder(
                                Settings.NONE
                                        .with(TrainedTensors.TUNE, "lora")
                                        .with(Objectives.KINDS.naming(), objective))
                        .arithmetic();
        ModelPlan expected =
                ModelPlanner.plan(
                        ModelShape.ofFolder(model.folder(), Optional.empty()),
                        new PlanOptions(
                                4,
                                OptionalInt.empty(),
                                OptionalInt.of(64),
                                arithmetic,
                                MemoryConfig.DEFAULT,
                                candidates,
                                adapters),
                        MachineFile.read(machine),
                        true);
        assertThat(plan.stepSeconds()).isEqualTo(expected.forecast().stepSeconds());
        assertThat(plan.bytes()).isEqualTo(Plan.of(expected).bytes());
        assertThat(plan.homes()).isEqualTo(Plan.of(expected).homes());
    }

    @Test
    void whatTheCommandLineRefusesIsRefusedInTheSameLine() {
        assertThatThrownBy(() -> model.plan(new ModelOptions().set("objective", "accuracy")))
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith("--label-words: accuracy takes an example through");
        assertThatThrownBy(() -> new ModelOptions().set("adaptors", 2))
                .hasMessage("--adaptors: is no option; the nearest that there is is --adapters");
        assertThatThrownBy(() -> new ModelOptions().set("colour", "red"))
                .hasMessage("--colour: is no option; see docs/cli.md");
        assertThatThrownBy(() -> new ModelOptions().set("host-buget", "1GiB"))
                .isInstanceOf(BadInputException.class)
                .hasMessage(
                        "--host-buget: is no option; the nearest that there is is --host-budget");
        assertThatThrownBy(() -> model.generate("a", new ModelOptions().set("lr", 1)))
                .hasMessage("--lr: is no option of generate; leave it out");
        assertThatThrownBy(() -> model.tune(reviews()))
                .hasMessage("--train: is missing; give FILE");
        assertThatThrownBy(() -> model.tune(run("none").set("steps", "many")))
                .hasMessageStartingWith("--steps: 'many' is not a whole number");
        assertThatThrownBy(() -> model.tune(run("none").set("resume", true)))
                .hasMessageStartingWith("--resume: is a flag");
        assertThatThrownBy(() -> model.tune(run("none").set("train", folder.resolve("gone"))))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("gone");
        assertThat(folder.resolve("none")).doesNotExist();
        assertThatThrownBy(() -> model.plan(new ModelOptions().set("host-budget", "1MiB")))
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith("--host-budget: ");
    }
}
