package io.millrace.model.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.model.spec.RopeSpec;
import io.millrace.telemetry.json.Json;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class RopeParametersTest {
    private static final Offset<Double> CLOSE = within(1e-7);

    @Test
    void turnsByPowersOfTheBase() {
        RopeSpec rope = rope("{\"rope_theta\": 500000.0}", 8, 64);
        assertThat(rope.dims()).isEqualTo(8);
        assertThat(rope.attentionFactor()).isEqualTo(1);
        for (int i = 0; i < 4; i++) {
            assertThat((double) rope.inverseFrequencies().get(i))
                    .isCloseTo(Math.pow(500000, -i / 4.0), CLOSE);
        }
    }

    @Test
    void stretchesLinearlyInBothSpellings() {
        RopeSpec old = rope("{\"rope_scaling\": {\"type\": \"linear\", \"factor\": 4}}", 8, 64);
        RopeSpec recent =
                rope(
                        "{\"rope_parameters\": {\"rope_type\": \"linear\", \"factor\": 4.0,"
                                + " \"rope_theta\": 10000}}",
                        8,
                        64);
        assertThat(recent).isEqualTo(old);
        assertThat((double) old.inverseFrequencies().get(1)).isCloseTo(0.1 / 4, CLOSE);
    }

    @Test
    void leavesTheTrainedLengthAsItIsWhenDynamic() {
        assertThat(rope("{\"rope_scaling\": {\"type\": \"dynamic\", \"factor\": 2.0}}", 8, 64))
                .isEqualTo(rope("{}", 8, 64));
    }

    @Test
    void stretchesLongWavesAsLlama3Does() {
        String scaling =
                "{\"rope_theta\": 500000.0, \"rope_scaling\": {\"rope_type\": \"llama3\","
                        + "\"factor\": 8.0, \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0,"
                        + "\"original_max_position_embeddings\": 8192}}";
        List<Float> scaled = rope(scaling, 128, 131072).inverseFrequencies();
        boolean blended = false;
        for (int i = 0; i < 64; i++) {
            double base = Math.pow(500000, -i / 64.0);
            double wave = 2 * Math.PI / base;
            double expected;
            if (wave < 8192 / 4.0) {
                expected = base;
            } else if (wave > 8192) {
                expected = base / 8;
            } else {
                double smooth = (8192 / wave - 1) / 3;
                expected = (1 - smooth) * base / 8 + smooth * base;
                blended = true;
            }
            assertThat((double) scaled.get(i)).isCloseTo(expected, within(expected * 1e-6));
        }
        assertThat(blended).isTrue();
    }

    @Test
    void blendsAsYarnDoes() {
        // Expected values: the published formula in double, for 128 dims and theta 1e6.
        String scaling =
                "{\"rope_theta\": 1000000.0, \"rope_scaling\": {\"type\": \"yarn\","
                        + "\"factor\": 4.0, \"original_max_position_embeddings\": 32768}}";
        RopeSpec rope = rope(scaling, 128, 32768);
        double first = Math.floor(128 * Math.log(32768 / (32 * 2 * Math.PI)) / (2 * Math.log(1e6)));
        double last = Math.ceil(128 * Math.log(32768 / (2 * Math.PI)) / (2 * Math.log(1e6)));
        assertThat(first).isEqualTo(23);
        assertThat(last).isEqualTo(40);
        for (int i = 0; i < 64; i++) {
            double base = Math.pow(1e6, -i / 64.0);
            double share = Math.min(1, Math.max(0, (i - first) / (last - first)));
            double expected = base / 4 * share + base * (1 - share);
            assertThat((double) rope.inverseFrequencies().get(i))
                    .isCloseTo(expected, within(expected * 1e-6));
        }
        assertThat((double) rope.attentionFactor()).isCloseTo(0.1 * Math.log(4) + 1, within(1e-6));
    }

    @Test
    void takesYarnsAttentionFactorFromTheConfiguration() {
        String given =
                "{\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4.0,"
                        + " \"attention_factor\": 1.5}}";
        assertThat(rope(given, 64, 4096).attentionFactor()).isEqualTo(1.5f);
        String scales =
                "{\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4.0,"
                        + " \"mscale\": 1.0, \"mscale_all_dim\": 1.0}}";
        assertThat(rope(scales, 64, 4096).attentionFactor()).isEqualTo(1f);
    }

    private static RopeSpec rope(String config, int headDim, int positions) {
        return ModelConfig.of("test", Json.parseObject(config))
                .rope(10000, 1)
                .spec(headDim, positions);
    }
}
