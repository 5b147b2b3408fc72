package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.search.SearchConfig;
import io.millrace.executor.search.SensitiveConfig;
import io.millrace.memory.DType;
import io.millrace.optim.objective.ExactMatch;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the command line says of objectives, and of a search. */
class ObjectiveCommandsTest {
    private static final String TUNE = "tune --model=m --train=t.jsonl --out=o --steps=8";
    private static final String SEARCH = "search --model=m --data=d.jsonl --out=o";

    @TempDir Path temp;
    private final CommandRun command = new CommandRun();

    private int run(String line) {
        return command.run(line.split(" ", -1));
    }

    @Test
    void aRunEndsWithTheStepsThatLearnedNothing() {
        assertThat(run(TUNE + " --objective=accuracy")).isZero();
        assertThat(command.out.toString())
                .contains("done after step 8, 1 - accuracy 0.7000: o\n")
                .contains("2 of 8 steps had no signal: no perturbation changed the accuracy\n");
        assertThat(run(TUNE + " --objective=accuracy --json")).isZero();
        assertThat(Json.parseObject(command.out.toString()).integer("steps_without_signal"))
                .isEqualTo(2);
        assertThat(run(TUNE)).isZero();
        assertThat(command.out.toString()).contains(", loss 0.7").doesNotContain("signal");
    }

    @Test
    void anOptionOfOneObjectiveIsNoneOfAnother() {
        assertThat(run(TUNE + " --objective=exact-match --max-new-tokens=9")).isZero();
        assertThat(command.engine.tuned.arithmetic().objective()).isEqualTo(new ExactMatch(9));
        assertThat(run(TUNE + " --objective=accuracy --max-new-tokens=9")).isEqualTo(2);
        assertThat(command.err.toString())
                .contains("--max-new-tokens", "--objective exact-match or f1");
        assertThat(run(TUNE + " --objective=bleu")).isEqualTo(2);
        assertThat(command.err.toString()).contains("accuracy, choice, exact-match, f1, loss");
    }

    @Test
    void aPlanCountsTheCandidates() throws IOException {
        Path model = TestModel.write(temp.resolve("model"), DType.F32, 2, 64);
        List<String> plan =
                List.of(
                        "plan",
                        "--model=" + model,
                        "--seq-len=32",
                        "--batch-size=64",
                        "--micro-batch=64",
                        "--json");
        RealCommand real = new RealCommand(temp);
        assertThat(real.refused(RealCommand.with(plan, "--objective=accuracy")))
                .contains("--label-words", "give those of the run");
        double loss = scratch(real, plan);
        double accuracy =
                scratch(
                        real,
                        RealCommand.with(plan, "--objective=accuracy", "--label-words=a,b,c,d,e"));
        assertThat(accuracy).isGreaterThan(2 * loss);
        assertThat(scratch(real, RealCommand.with(plan, "--objective=f1"))).isPositive();
    }

    private static double scratch(RealCommand command, List<String> plan) {
        JsonObject answer = Json.parseObject(command.done(plan));
        return answer.object("minimum_bytes").number("host");
    }

    @Test
    void ratesAreFoundForTheLossAlone() {
        String refusal =
                new RealCommand(temp)
                        .refused(
                                List.of(
                                        "find",
                                        "--model=../samples/tiny-lm",
                                        "--train=../samples/reviews-train.jsonl",
                                        "--nvme-dir=" + temp,
                                        "--objective=accuracy"));
        assertThat(refusal).startsWith("millrace: --objective: ").contains("leave it out");
    }

    @Test
    void elementsAreChosenByWhatTheLineSays() {
        String line = "sensitive --model=m --out=" + temp.resolve("lists");
        assertThat(run(line + " --train=d.jsonl --share=0.01 --directions=3 --eps=0.5")).isZero();
        SensitiveConfig config = command.engine.chosen;
        assertThat(config.choice())
                .isEqualTo(new SensitiveConfig.Choice(0.01, SensitiveConfig.By.GRADIENT, 3, 8));
        assertThat(config.data().orElseThrow().file()).isEqualTo(Path.of("d.jsonl"));
        assertThat(config.arithmetic().eps()).isEqualTo(0.5);
        assertThat(command.out.toString())
                .contains("         3         1,000  0.003000  a.weight")
                .contains("5 of 5,000 elements; the least of them scores 0.250000");
        assertThat(run(line + " --by=magnitude --json")).isZero();
        assertThat(command.engine.chosen.data()).isEmpty();
        assertThat(Json.parseObject(command.out.toString()).object("tensors").integer("b.weight"))
                .isEqualTo(2);
        assertThat(run(line)).isEqualTo(2);
        assertThat(command.err.toString()).contains("--train: slopes need examples");
    }

    @Test
    void aSearchTakesWhatItNeedsOfARun() {
        assertThat(run(SEARCH + " --directions=3 --keep=2 --eps=0.5 --eval-data=e --together=2"))
                .isZero();
        SearchConfig config = command.engine.searched;
        assertThat(config.choice()).isEqualTo(new SearchConfig.Choice(3, 2, 2));
        assertThat(config.data().heldOut()).contains(Path.of("e"));
        assertThat(config.arithmetic().lr()).isEqualTo(0.5);
        assertThat(config.arithmetic().eps()).isEqualTo(0.5);
        assertThat(command.out.toString())
                .contains("loss at the base: 0.375000")
                .contains("0x0000000000000016  0.250000  -0.125000")
                .contains("1 of 3 directions are better")
                .contains("before: eval loss 0.7500  accuracy 0.5000")
                .contains("after: eval loss 0.2500  accuracy 0.7500");
        assertThat(run(SEARCH + " --directions=3 --keep=4")).isEqualTo(2);
        assertThat(command.err.toString()).contains("--keep: 4 exceeds the 3 directions");
    }

    @Test
    void aProgramGetsEveryScore() {
        assertThat(run(SEARCH + " --directions=3 --keep=1 --json")).isZero();
        JsonObject answer = Json.parseObject(command.out.toString());
        assertThat(answer.number("base_value")).isEqualTo(0.375);
        assertThat(answer.array("scores"))
                .hasSize(3)
                .first()
                .isEqualTo(Map.of("direction", 2L, "seed", "0x0000000000000016", "value", 0.25));
        assertThat(JsonObject.of((Map<?, ?>) answer.array("scores").getLast()).fields())
                .containsEntry("value", null);
    }
}
