package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.Method;
import io.millrace.executor.config.Methods;
import io.millrace.optim.estimate.Anchors;
import io.millrace.optim.participation.LeftStates;
import io.millrace.optim.participation.OwloreLayers;
import io.millrace.optim.participation.WeightedLayers;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What {@code --method} sets, what wins over it, and the list of all. */
class MethodsCommandTest {
    private final CommandRun command = new CommandRun();

    private ArithmeticConfig tuned(String... options) {
        List<String> line =
                new ArrayList<>(List.of("tune", "--model=m", "--train=t.jsonl", "--out=o"));
        line.addAll(List.of(options));
        int exitCode = command.run(line.toArray(String[]::new));
        assertThat(exitCode).as(command.err.toString()).isZero();
        return command.engine.tuned.arithmetic();
    }

    @Test
    void aMethodSetsEveryAxis() {
        ArithmeticConfig fzoo = tuned("--method=fzoo");
        assertThat(fzoo.perturbation()).isEqualTo("rademacher");
        assertThat(fzoo.estimator().name()).isEqualTo("one-sided");
        assertThat(fzoo.queries()).isEqualTo(8);
        assertThat(fzoo.settings().toJson()).containsEntry("normalize", true);
        assertThat(tuned("--method=lezo").participation().name()).isEqualTo("random");
        assertThat(tuned("--method=lozo-m").rule().name()).isEqualTo("lozo-m");
        assertThat(tuned("--method=lozo").foldEvery()).isEqualTo(50);
    }

    @Test
    void whatAMethodDerivesFollowsWhatIsGiven() {
        ArithmeticConfig es = tuned("--method=es");
        assertThat(es.estimator().name()).isEqualTo("population");
        assertThat(es.queries()).isEqualTo(30);
        assertThat(es.eps()).isEqualTo(1e-3);
        ArithmeticConfig svrg = tuned("--method=mezo-svrg", "--lr=1e-5", "--anchor-every=4");
        assertThat(svrg.foldEvery()).isEqualTo(4);
        assertThat(svrg.estimator().anchors()).hasValue(new Anchors(4, 512, 10 * 1e-5));
        assertThat(tuned("--method=mezo-svrg", "--anchor-lr=1e-6").settings().toJson())
                .containsEntry("anchor-lr", 1e-6);
    }

    @Test
    void weightsOfLayersAreNumbersWithCommas() {
        assertThat(tuned("--blocks=weighted", "--block-weights=1,0,2.5").participation())
                .isEqualTo(new WeightedLayers(0.75, false, List.of(1.0, 0.0, 2.5)));
        int exitCode =
                command.run(
                        "tune",
                        "--model=m",
                        "--train=t.jsonl",
                        "--out=o",
                        "--blocks=weighted",
                        "--block-weights=1,x");
        assertThat(exitCode).isEqualTo(2);
        assertThat(command.err.toString()).contains("--block-weights", "'x' is not a number");
    }

    @Test
    void whatIsGivenBesideItWins() {
        ArithmeticConfig other = tuned("--method=fzoo", "--queries=3", "--perturbation=gaussian");
        assertThat(other.queries()).isEqualTo(3);
        assertThat(other.perturbation()).isEqualTo("gaussian");
        assertThat(other.estimator().name()).isEqualTo("one-sided");
        assertThat(other.settings().toJson()).containsEntry("normalize", true);
        // What belongs to the axis that was replaced goes with it.
        ArithmeticConfig twoSided = tuned("--method=fzoo", "--estimator=two-sided");
        assertThat(twoSided.settings().toJson()).doesNotContainKey("normalize");
        assertThat(twoSided.queries()).isEqualTo(8);
    }

    @Test
    void whatHasNoUseBesideItIsRefused() {
        int exitCode =
                command.run(
                        "tune",
                        "--model=m",
                        "--train=t.jsonl",
                        "--out=o",
                        "--method=mezo",
                        "--normalize");
        assertThat(exitCode).isEqualTo(2);
        assertThat(command.err.toString()).contains("--normalize", "--estimator one-sided");
        exitCode = command.run("tune", "--model=m", "--train=t", "--out=o", "--method=nope");
        assertThat(exitCode).isEqualTo(2);
        assertThat(command.err.toString())
                .contains("unknown name 'nope'", "fzoo, fzoo-low-rank, galore, helene");
    }

    @Test
    void theListHasAllOfThem() {
        assertThat(command.run("methods")).isZero();
        String text = command.out.toString();
        assertThat(Methods.all()).allSatisfy(method -> assertThat(text).contains(method.name()));

        assertThat(command.run("methods", "--json")).isZero();
        JsonObject answer = Json.parseObject(command.out.toString());
        JsonObject adam = entry(answer, "zo-adam");
        assertThat(adam.integer("state_bytes_per_parameter")).isEqualTo(8);
        assertThat(adam.integer("forwards_per_visit")).isEqualTo(2);
        assertThat(adam.bool("replayable", false)).isTrue();
        assertThat(Methods.all()).extracting(Method::forwards).contains(9L);
    }

    private static JsonObject entry(JsonObject answer, String name) {
        return answer.array("methods").stream()
                .map(entry -> JsonObject.of((Map<?, ?>) entry))
                .filter(entry -> entry.string("name").equals(name))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void methodsOfTheGradientSayThatTheyGoBackAndWhatTheyKeep() {
        command.run("methods");
        assertThat(command.out.toString().lines())
                .filteredOn(line -> line.startsWith("adamw "))
                .singleElement()
                .asString()
                .matches("adamw +none +gradient +adamw +all +2 and back +8 +arXiv 1711.05101");

        command.run("methods", "--json");
        JsonObject answer = Json.parseObject(command.out.toString());
        JsonObject adam = entry(answer, "adamw");
        assertThat(adam.integer("state_bytes_per_parameter")).isEqualTo(8);
        assertThat(adam.bool("gradient", false)).isTrue();
        assertThat(adam.bool("replayable", true)).isFalse();
        // Of a matrix of 4096 by 4096: P, and two moments of 128 by 4096; a byte each, and scales.
        assertThat(entry(answer, "galore").number("state_bytes_per_parameter")).isEqualTo(0.375);
        assertThat(entry(answer, "adamw-8bit").number("state_bytes_per_parameter"))
                .isEqualTo(2 + 8 / 256.0);
        assertThat(entry(answer, "lomo").integer("state_bytes_per_parameter")).isZero();
    }

    @ParameterizedTest
    @CsvSource({
        "--tune=scales, scales have no way back",
        "--objective=accuracy, only the loss has a gradient",
        "--mask=random, adamw changes every element",
        "--fold-every=2, adamw changes the weights at every step",
        "--keep=best, steps cannot be made again"
    })
    void whatTheGradientHasNoUseForIsRefused(String option, String message) {
        int exitCode =
                command.run(
                        "tune",
                        "--model=m",
                        "--train=t.jsonl",
                        "--eval=e.jsonl",
                        "--eval-every=1",
                        "--out=o",
                        "--label-words=a,b",
                        "--method=adamw",
                        option);
        assertThat(exitCode).isEqualTo(2);
        assertThat(command.err.toString()).contains(message);
    }

    @Test
    void weightsThatAMethodCannotSayAreTheRuns() {
        assertThat(tuned("--method=owlore", "--block-weights=1,1,0,2,3,4").participation())
                .isEqualTo(
                        new OwloreLayers(
                                5, 50, LeftStates.KEEP, List.of(1.0, 1.0, 0.0, 2.0, 3.0, 4.0), 0));
        assertThat(
                        command.run(
                                "tune",
                                "--model=m",
                                "--train=t.jsonl",
                                "--out=o",
                                "--method=owlore"))
                .isEqualTo(2);
        assertThat(command.err.toString()).contains("--block-weights");
    }
}
