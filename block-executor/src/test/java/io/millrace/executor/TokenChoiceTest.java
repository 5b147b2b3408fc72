package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import io.millrace.executor.config.GenerateConfig;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Draws are as likely as temperature, top-k and top-p make them. */
class TokenChoiceTest {
    private static final float[] LOGITS = {0, 2, Float.NaN, 1, 2.5f, -3};
    private static final int DRAWS = 40_000;

    private static double[] shares(double temperature, int topK, double topP) {
        TokenChoice choice =
                TokenChoice.of(
                        Optional.of(new GenerateConfig.Sampling(temperature, topK, topP, 7)));
        double[] shares = new double[LOGITS.length];
        for (int draw = 0; draw < DRAWS; draw++) {
            shares[choice.of(LOGITS.length, id -> LOGITS[id])] += 1.0 / DRAWS;
        }
        return shares;
    }

    @Test
    void followTheSoftmax() {
        double[] shares = shares(2, 100, 1);
        double sum = 0;
        for (float logit : LOGITS) {
            sum += Float.isNaN(logit) ? 0 : Math.exp(logit / 2);
        }
        for (int id = 0; id < LOGITS.length; id++) {
            double expected = Float.isNaN(LOGITS[id]) ? 0 : Math.exp(LOGITS[id] / 2) / sum;
            assertThat(shares[id]).isCloseTo(expected, offset(0.01));
        }
    }

    @Test
    void leaveOutWhatTopKAndTopPLeaveOut() {
        double[] two = shares(1, 2, 1);
        assertThat(two[4]).isCloseTo(1 / (1 + Math.exp(-0.5)), offset(0.01));
        assertThat(two[4] + two[1]).isCloseTo(1, offset(1e-9));
        // 0.52 of the first, 0.32 of the second, 0.12 of the third: 0.8 takes two of them.
        double[] most = shares(1, 100, 0.8);
        assertThat(most[4] + most[1]).isCloseTo(1, offset(1e-9));
        assertThat(most[1]).isPositive();
        assertThat(shares(1, 100, 1e-9)[4]).isCloseTo(1, offset(1e-9));
    }

    @Test
    void takeTheFirstOfTheLargestWithoutSampling() {
        float[] equal = {1, 3, 3};
        assertThat(TokenChoice.of(Optional.empty()).of(3, id -> equal[id])).isEqualTo(1);
    }
}
