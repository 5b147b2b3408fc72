package io.millrace.optim;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.Directions;
import io.millrace.optim.random.Philox4x32;
import io.millrace.optim.random.SplitMix64;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

final class GoldenNoiseTest {
    private static JsonObject noise;

    @BeforeAll
    static void read() throws IOException {
        try (InputStream in = GoldenNoiseTest.class.getResourceAsStream("/golden/noise.json")) {
            noise = Json.parseObject(new String(in.readAllBytes(), StandardCharsets.UTF_8));
        }
    }

    @Test
    void philoxGivesThePublishedWords() {
        int[] out = new int[4];
        for (Object entry : noise.array("philox4x32_10")) {
            JsonObject answer = JsonObject.of((Map<?, ?>) entry);
            int[] counter = words(answer.array("counter"));
            int[] key = words(answer.array("key"));
            Philox4x32.block(
                    wide(key[0], key[1]),
                    wide(counter[0], counter[1]),
                    counter[2],
                    counter[3],
                    out);
            assertThat(out).isEqualTo(words(answer.array("out")));
        }
        assertThat(noise.array("philox4x32_10")).hasSize(8);
    }

    @Test
    void splitMixGivesThePublishedOutputs() {
        for (Object entry : noise.array("splitmix64")) {
            JsonObject answer = JsonObject.of((Map<?, ?>) entry);
            List<?> outputs = answer.array("outputs");
            for (int n = 1; n <= outputs.size(); n++) {
                assertThat(SplitMix64.output(hex(answer.string("state")), n))
                        .isEqualTo(hex((String) outputs.get(n - 1)));
            }
        }
    }

    @Test
    void gaussianIsWithinAMillionthOfTheReference() {
        assertThat(largestError("gaussian")).isLessThan(1e-6);
    }

    @Test
    void rademacherIsTheReference() {
        assertThat(largestError("rademacher")).isZero();
    }

    private static double largestError(String name) {
        DenseDirection direction = Directions.dense(name);
        double worst = 0;
        int checked = 0;
        for (Object entry : noise.array("z")) {
            JsonObject answer = JsonObject.of((Map<?, ?>) entry);
            if (!answer.string("dist").equals(name)) {
                continue;
            }
            double[] expected = values(answer.raw("z"));
            float[] z = new float[expected.length];
            direction.fill(
                    hex(answer.string("seed")),
                    (int) answer.integer("tensor_id"),
                    answer.integer("first_element"),
                    z,
                    0,
                    z.length);
            for (int i = 0; i < z.length; i++, checked++) {
                worst = Math.max(worst, Math.abs(z[i] - expected[i]));
            }
        }
        assertThat(checked).isGreaterThan(500);
        return worst;
    }

    /** Numbers are listed; signs are written as a string of + and -. */
    private static double[] values(Object z) {
        return z instanceof String signs
                ? signs.chars().mapToDouble(sign -> sign == '+' ? 1 : -1).toArray()
                : ((List<?>) z).stream().mapToDouble(v -> ((Number) v).doubleValue()).toArray();
    }

    private static int[] words(List<?> hex) {
        return hex.stream().mapToInt(word -> (int) hex((String) word)).toArray();
    }

    private static long wide(int low, int high) {
        return (low & 0xFFFFFFFFL) | ((long) high << 32);
    }

    private static long hex(String text) {
        return Long.parseUnsignedLong(text.substring(2), 16);
    }
}
