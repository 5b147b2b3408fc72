package io.millrace.executor.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.Golden;
import io.millrace.executor.Runs;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.BadInputException;
import io.millrace.memory.device.DeviceName;
import io.millrace.optim.option.Settings;
import io.millrace.optim.participation.OwloreLayers;
import io.millrace.optim.participation.Participations;
import io.millrace.optim.participation.WeightedLayers;
import io.millrace.telemetry.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Counts of a loop in PyTorch, in float64, with hooks on what enters its modules; no score is
 * nearer to the bound than 3.6e-5 of it.
 */
class OutlierSearchTest {
    private static final List<?> TRAINED_ROWS =
            List.of(
                    List.of(
                            1, 410, 458, 457, 459, 467, 13, 447, 421, 412, 419, 443, 387, 263, 415,
                            414, 372, 296, 354, 279, 292, 359, 351, 410),
                    List.of(
                            1, 290, 421, 279, 411, 266, 450, 13, 453, 304, 410, 459, 418, 424, 295,
                            418, 432, 387, 284, 422, 268, 420, 309, 386),
                    List.of(
                            1, 432, 387, 345, 296, 354, 467, 410, 448, 415, 422, 432, 262, 315, 419,
                            432, 13, 440, 411, 262, 367, 419, 348, 411),
                    List.of(
                            1, 297, 309, 267, 284, 425, 420, 418, 285, 284, 411, 387, 308, 293, 13,
                            453, 304, 322, 308, 293, 262),
                    List.of(
                            1, 271, 281, 410, 293, 261, 419, 279, 411, 411, 427, 261, 419, 359, 426,
                            13, 442, 431, 410, 463, 414, 418, 263, 290),
                    List.of(
                            1, 421, 329, 410, 276, 435, 302, 428, 266, 387, 308, 293, 279, 411, 266,
                            426, 13, 441));
    private static final List<?> SHORT_ROWS =
            List.of(List.of(3, 14, 15, 9, 2, 6, 5), List.of(35, 8, 9, 7, 9, 3, 2, 38));

    @TempDir Path temp;

    private OutlierConfig config(String model, double times, Optional<Path> text) {
        return new OutlierConfig(
                Golden.path(model + "/model.safetensors").getParent(),
                temp.resolve("outliers.json"),
                times,
                text.map(file -> new OutlierConfig.Text(file, 8192)),
                new TaskConfig(Settings.NONE),
                new MemoryConfig(Settings.NONE));
    }

    private static List<LayerOutliers> found(OutlierConfig config) {
        return OutlierSearch.run(config, RunListener.SILENT, _ -> {});
    }

    private static void check(
            List<LayerOutliers> found, long weights, List<Long> outliers, List<Double> means) {
        assertThat(found).extracting(LayerOutliers::weights).containsOnly(weights);
        assertThat(found).extracting(LayerOutliers::outliers).isEqualTo(outliers);
        for (int layer = 0; layer < means.size(); layer++) {
            double mean = means.get(layer);
            assertThat(found.get(layer).mean()).isCloseTo(mean, within(3e-6 * mean));
        }
    }

    @Test
    void countsWeightsByTheirSizes() {
        check(
                found(config("stories260k", 5, Optional.empty())),
                45312,
                List.of(378L, 450L, 231L, 282L, 107L),
                List.of(0.0968190131, 0.0996510857, 0.0970930244, 0.101617477, 0.103112987));
        check(
                found(config("gpt2", 3, Optional.empty())),
                49152,
                List.of(796L, 803L, 824L),
                List.of(0.0796684699, 0.0800442267, 0.0797811386));
    }

    @Test
    void countsThemByTheirSizesAndInputs() throws IOException {
        Path rows = Golden.writeTokenised(temp.resolve("rows.jsonl"), TRAINED_ROWS, TRAINED_ROWS);
        OutlierConfig config = config("stories260k", 5, Optional.of(rows));
        List<LayerOutliers> found = found(config);
        check(
                found,
                45312,
                List.of(1055L, 1079L, 766L, 722L, 381L),
                List.of(0.647128347, 0.825941293, 0.781223243, 0.905328619, 0.971760125));
        OutlierConfig streamed =
                new OutlierConfig(
                        config.model(),
                        config.out(),
                        config.times(),
                        config.text(),
                        config.task(),
                        Runs.host(DeviceName.CPU, least(config)));
        assertThat(found(streamed)).isEqualTo(found);
    }

    /** The smallest budget that a refusal names. */
    private static long least(OutlierConfig config) {
        OutlierConfig refused =
                new OutlierConfig(
                        config.model(),
                        config.out(),
                        config.times(),
                        config.text(),
                        config.task(),
                        Runs.host(DeviceName.CPU, 1 << 20));
        try {
            found(refused);
        } catch (BadInputException e) {
            String[] words = e.getMessage().split("[^0-9]+", -1);
            long least = 0;
            for (String word : words) {
                least = Math.max(least, word.isEmpty() ? 0 : Long.parseLong(word));
            }
            return least;
        }
        return 1 << 20;
    }

    /** Its matrices are stored with a row for each input. */
    @Test
    void inputsAreRowsWhereMatricesAreStoredSo() throws IOException {
        Path rows = Golden.writeTokenised(temp.resolve("rows.jsonl"), SHORT_ROWS, SHORT_ROWS);
        check(
                found(config("gpt2", 3, Optional.of(rows))),
                49152,
                List.of(2421L, 2639L, 2740L),
                List.of(0.233936381, 0.234637198, 0.230280362));
    }

    @Test
    void aRunTakesTheFileAsItsWeights() {
        OutlierConfig config = config("stories260k", 5, Optional.empty());
        List<Double> shares = new ArrayList<>();
        found(config).forEach(layer -> shares.add(layer.share()));
        assertThat(shares.getFirst()).isEqualTo(378 / 45312.0);
        List<Double> weights =
                WeightedLayers.WEIGHTS.type().parse().apply(List.of(config.out().toString()));
        assertThat(weights).isEqualTo(shares);
        assertThat(WeightedLayers.WEIGHTS.type().read().apply(config.out().toString()))
                .isEqualTo(shares);
        TuneConfig run =
                TuneConfig.builder(config.model(), temp.resolve("t"), temp.resolve("out"))
                        .optimizer("adamw")
                        .estimator("gradient")
                        .queries(1)
                        .blocks(OwloreLayers.NAME)
                        .method(OwloreLayers.LAYERS, 2)
                        .method(WeightedLayers.WEIGHTS, weights)
                        .build();
        assertThat(run.arithmetic().participation())
                .isInstanceOfSatisfying(
                        OwloreLayers.class, drawn -> assertThat(drawn.weights()).isEqualTo(shares));
    }

    @Test
    void withoutWeightsARunSaysHowToHaveThem() {
        assertThatThrownBy(() -> Participations.KINDS.make(OwloreLayers.NAME, Settings.NONE, 0))
                .hasMessageContaining("millrace outliers --model=DIR --out=FILE.json");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"block_weights\": [1, \"two\"]} | has no list of numbers as block_weights",
                "{\"weights\": [1, 2]}             | has no list of numbers as block_weights",
                "{\"block_weights\":               | has no list of numbers as block_weights",
                "                                  | is not there"
            })
    void aFileThatHasNoneIsRefused(String text, String message) throws IOException {
        Path file = temp.resolve("weights.json");
        if (text != null) {
            Files.writeString(file, text);
        }
        assertThatThrownBy(
                        () -> WeightedLayers.WEIGHTS.type().parse().apply(List.of(file.toString())))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining(message);
    }

    @Test
    void aStopLeavesNoFile() {
        OutlierConfig config = config("stories260k", 5, Optional.empty());
        RunListener stops =
                new RunListener() {
                    @Override
                    public boolean stopRequested() {
                        return true;
                    }
                };
        assertThat(OutlierSearch.run(config, stops, _ -> {})).isEmpty();
        assertThat(config.out()).doesNotExist();
    }

    @Test
    void theFileSaysWhatItIsOf() throws IOException {
        OutlierConfig config = config("stories260k", 7, Optional.empty());
        found(config);
        assertThat(Json.parseObject(Files.readString(config.out())).number("times")).isEqualTo(7);
        assertThatThrownBy(() -> config("stories260k", 0, Optional.empty()))
                .hasMessageContaining("--times");
    }
}
