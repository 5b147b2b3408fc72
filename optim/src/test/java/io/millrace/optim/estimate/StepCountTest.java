package io.millrace.optim.estimate;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** A step counts all that it asks for, whatever pass it asks in. */
class StepCountTest {
    private static final StepContext STEP = new StepContext(1, 2, 1e-3, 1e-4);

    @Test
    void everyQueryOfOnePassCounts() {
        assertThat(StepCount.of(new TwoSidedEstimator(3), STEP)).isEqualTo(new StepCount(1, 6));
        assertThat(StepCount.of(new OneSidedEstimator(8, true), STEP))
                .isEqualTo(new StepCount(1, 9));
    }

    @Test
    void aSecondPassCountsToo() {
        assertThat(StepCount.of(new ConservativeEstimator(), STEP)).isEqualTo(new StepCount(2, 5));
    }
}
