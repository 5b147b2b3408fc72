package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.adapter.AdapterKinds;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.Method;
import io.millrace.executor.config.Methods;
import io.millrace.executor.config.TrainedTensors;
import io.millrace.optim.direction.Directions;
import io.millrace.optim.estimate.Estimators;
import io.millrace.optim.optimizer.Optimizers;
import io.millrace.optim.option.Option;
import io.millrace.optim.participation.ModelUnits;
import io.millrace.optim.participation.Participation;
import io.millrace.optim.participation.Participations;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** {@code docs/methods.md} has the table that the registry makes, and a section a method. */
class MethodPageTest {
    private static final Path PAGE = Path.of("..", "docs", "methods.md");
    private static final int LAYERS = 32;

    private static final Set<Option<?>> AXES =
            Set.of(
                    Directions.KINDS.naming(),
                    Estimators.KINDS.naming(),
                    Optimizers.KINDS.naming(),
                    Participations.KINDS.naming());

    @Test
    void theTableIsWhatTheRegistrySays() throws IOException {
        StringBuilder expected =
                new StringBuilder(
                        "| method | source | direction | estimator | update rule | blocks | its"
                                + " defaults | state, bytes a parameter | forwards a step | weights"
                                + " read a step | written a step |\n");
        expected.append("|---|---|---|---|---|---|---|---|---|---|---|\n");
        for (Method method : Methods.all()) {
            List<String> cells =
                    List.of(
                            "[" + method.name() + "](#" + method.name() + ")",
                            method.source(),
                            method.direction(),
                            method.estimator(),
                            method.optimizer(),
                            method.blocks(),
                            defaults(method),
                            number(method.stateBytes()),
                            number(method.stepForwards())
                                    + (method.isFirstOrder() ? " and back" : ""),
                            number(method.stepPasses()),
                            number(written(method)));
            expected.append("| ").append(String.join(" | ", cells)).append(" |\n");
        }
        Files.writeString(Path.of("target", "methods-table.md"), expected);

        assertThat(Files.readString(PAGE))
                .as("docs/methods.md; to mend it, copy cli/target/methods-table.md there")
                .contains("\n\n" + expected + "\n");
    }

    @Test
    void everyMethodHasASection() throws IOException {
        List<String> headings =
                Files.readString(PAGE)
                        .lines()
                        .filter(line -> line.startsWith("### "))
                        .map(line -> line.substring("### ".length()))
                        .toList();
        assertThat(headings)
                .containsAll(Methods.all().stream().map(Method::name).toList())
                .doesNotHaveDuplicates();
    }

    @Test
    void everyLinkIntoTheArithmeticHasItsHeading() throws IOException {
        Set<String> anchors =
                Files.readString(PAGE.resolveSibling("arithmetic.md"))
                        .lines()
                        .filter(line -> line.startsWith("#"))
                        .map(MethodPageTest::anchor)
                        .collect(Collectors.toCollection(TreeSet::new));
        List<String> wanted = new ArrayList<>();
        for (String part : Files.readString(PAGE).split("arithmetic\\.md#", -1)) {
            wanted.add(part.split("\\)", 2)[0]);
        }
        wanted.removeFirst();
        assertThat(wanted).isNotEmpty().allSatisfy(one -> assertThat(anchors).contains(one));
    }

    private static String anchor(String heading) {
        return heading.replaceFirst("^#+ ", "")
                .toLowerCase(Locale.ROOT)
                .replaceAll("[^\\p{L}\\p{N} -]", "")
                .replace(' ', '-');
    }

    /** What the method sets beside its axes, as it would be typed. */
    private static String defaults(Method method) {
        Map<String, Object> set = method.settings().without(AXES).toJson();
        return set.entrySet().stream()
                .map(option ->
                        option.getValue().equals(true)
                                ? "`--" + option.getKey() + "`"
                                : "`--" + option.getKey() + " " + option.getValue() + "`")
                .collect(Collectors.joining(" "));
    }

    /**
     * The weights that a step writes back, as a share of all: of a model of many layers, in the
     * mean over as many steps, or none beside an adapter or scales.
     */
    private static double written(Method method) {
        String tuned = method.settings().get(TrainedTensors.TUNE);
        if (AdapterKinds.names().contains(tuned) || tuned.equals(TrainedTensors.SCALES)) {
            return 0;
        }
        ArithmeticConfig arithmetic = method.arithmetic();
        Participation blocks = arithmetic.participation();
        double active =
                LongStream.rangeClosed(1, LAYERS + 2) // a cycle of all layers and both ends
                                .mapToInt(step ->
                                        blocks.parts(step, step, new ModelUnits(LAYERS, false))
                                                .layers()
                                                .cardinality())
                                .average()
                                .orElseThrow()
                        / LAYERS;
        return active / arithmetic.foldEvery();
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.4g", value).replaceAll("\\.?0+$", "");
    }
}
