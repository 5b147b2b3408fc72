package io.millrace.executor.config.recipe;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NearestNameTest {
    private static final List<String> NAMES =
            List.of("lr", "lr-schedule", "batch-size", "eval", "eval-every", "eps", "steps");

    @ParameterizedTest
    @CsvSource({
        "lrr, lr",
        "rl, lr",
        "batchsize, batch-size",
        "batch_size, batch-size",
        "--batch-size, batch-size",
        "bacth-size, batch-size",
        "evals, eval",
        "Steps, steps",
        "eval-evry, eval-every"
    })
    void aSlipIsNear(String given, String meant) {
        assertThat(NearestName.to(given, NAMES)).contains(meant);
    }

    @Test
    void anotherWordIsNot() {
        assertThat(NearestName.to("learning-rate", NAMES)).isEmpty();
        assertThat(NearestName.to("", NAMES)).isEmpty();
    }

    @Test
    void slipsAreCountedFromBothSidesAlike() {
        assertThat(NearestName.slips("kitten", "sitting")).isEqualTo(3);
        assertThat(NearestName.slips("sitting", "kitten")).isEqualTo(3);
        assertThat(NearestName.slips("ab", "ba")).isEqualTo(1);
        assertThat(NearestName.slips("", "abc")).isEqualTo(3);
    }
}
