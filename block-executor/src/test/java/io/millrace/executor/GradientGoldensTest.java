package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.telemetry.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Golden gradients see what is wrong, and are whole themselves. */
class GradientGoldensTest {
    // By hand: the signs of the first six are + − + + − −.
    private static final GradientGoldens MADE_UP =
            GradientGoldens.of(
                    Json.parseObject(
                            """
                            {"loss": 1.5, "untrained": ["buffer"], "tensors": [
                              ["weight", [2, 3], 13.0384048104, -14,
                                [[3, -12.0], [1, 4.0], [0, 3.0]]],
                              ["key.bias", [2], 0, 0, []]]}\
                            """));

    private static final float[] WEIGHT = {3, 4, 0, -12, 0, 1};

    static Stream<String> files() throws IOException {
        Path folder = GradientGoldens.path("");
        try (Stream<Path> files = Files.walk(folder)) {
            List<String> names =
                    files.map(file -> folder.relativize(file).toString())
                            .filter(name -> name.endsWith(".json") && !name.startsWith("traces"))
                            .sorted()
                            .toList();
            return names.stream();
        }
    }

    private static Map<String, float[]> gradients(float... weight) {
        Map<String, float[]> gradients = new HashMap<>();
        gradients.put("weight", weight);
        gradients.put("key.bias", new float[2]);
        return gradients;
    }

    private static void assertRefused(Map<String, float[]> gradients, String what) {
        assertThatThrownBy(() -> MADE_UP.check(gradients))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining(what);
    }

    @Test
    void acceptsWhatIsTheSameButForRounding() {
        MADE_UP.check(gradients(WEIGHT));
        MADE_UP.check(gradients(3.0005f, 3.9995f, 5e-4f, -12.0005f, -5e-4f, 1.0005f));
        Map<String, float[]> noisy = gradients(WEIGHT);
        noisy.put("key.bias", new float[] {8e-6f, -8e-6f});
        noisy.put("buffer", new float[3]);
        MADE_UP.check(noisy);
    }

    @Test
    void refusesWhatIsOff() {
        assertRefused(gradients(3.003f, 4.004f, 0, -12.012f, 0, 1.001f), "norm of weight");
        // Of one norm: an element moved, one's sign turned, and two changed with one sign.
        assertRefused(gradients(3, 4, 1, -12, 0, 0), "dot of weight");
        assertRefused(gradients(3, 4, 0, -12, 0, -1), "dot of weight");
        assertRefused(gradients(0, 4, 3, -12, 0, 1), "element 0 of weight");
        assertRefused(gradients(3, 4, 0, -12, 0, Float.NaN), "norm of weight");
        assertRefused(gradients(0, 0, 0, 0, 0, 0), "norm of weight");
        assertRefused(gradients(3, 4, 0, -12, 0, 1, 0), "elements of weight");
    }

    @Test
    void refusesWhatIsNotZero() {
        Map<String, float[]> bias = gradients(WEIGHT);
        bias.put("key.bias", new float[] {2e-5f, 0});
        assertRefused(bias, "norm of key.bias");
        Map<String, float[]> buffer = gradients(WEIGHT);
        buffer.put("buffer", new float[] {0, 1e-9f});
        assertRefused(buffer, "buffer");
    }

    @Test
    void refusesOneTooFewOrTooMany() {
        Map<String, float[]> fewer = gradients(WEIGHT);
        fewer.remove("key.bias");
        assertRefused(fewer, "key.bias");
        Map<String, float[]> more = gradients(WEIGHT);
        more.put("lm_head.weight", new float[2]);
        assertRefused(more, "lm_head.weight");
    }

    /** The same, counted in another way: 32 bits that overflow. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 4, 5, 65_537, 1_000_003, Integer.MAX_VALUE})
    void signsAreBitsOfAProduct(int index) {
        int product = index * 0x9E3779B1;
        assertThat(GradientGoldens.sign(index)).isEqualTo(1 - 2 * (product >>> 16 & 1));
    }

    @ParameterizedTest
    @MethodSource("files")
    void everyFileIsWhole(String name) throws IOException {
        GradientGoldens goldens = GradientGoldens.read(name);
        assertThat(Golden.path(goldens.file().string("golden"))).exists();
        assertThat(goldens.loss()).isBetween(0.1, 10.0);
        List<String> names = new ArrayList<>(goldens.untrained());
        for (GradientGoldens.Tensor tensor : goldens.tensors()) {
            names.add(tensor.name());
            double n = (double) tensor.size();
            assertThat(Math.abs(tensor.dot()))
                    .as(tensor.name())
                    .isLessThanOrEqualTo(tensor.norm() * Math.sqrt(n) * (1 + 1e-8));
            assertThat(tensor.elements())
                    .as(tensor.name())
                    .hasSize(tensor.norm() == 0 ? 0 : Math.min(3, tensor.size()));
            double squares = 0;
            double before = Double.POSITIVE_INFINITY;
            for (GradientGoldens.Element element : tensor.elements()) {
                assertThat(element.index()).isBetween(0, tensor.size() - 1);
                assertThat(Math.abs(element.value())).isLessThanOrEqualTo(before);
                before = Math.abs(element.value());
                squares += before * before;
            }
            assertThat(Math.sqrt(squares))
                    .as(tensor.name())
                    .isLessThanOrEqualTo(tensor.norm() * (1 + 1e-8));
            if (tensor.size() <= 3) {
                assertThat(Math.sqrt(squares)).isEqualTo(tensor.norm(), within(1e-7));
            }
        }
        assertThat(names).doesNotHaveDuplicates();
    }
}
