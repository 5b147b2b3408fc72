package io.millrace.telemetry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.entry;
import static org.assertj.core.api.Assertions.within;

import java.util.Map;
import org.junit.jupiter.api.Test;

class OperatorUseTest {
    @Test
    void keepsWhatWasAddedAndGivesTheRestOfTheStepToOthers() {
        OperatorUse use =
                OperatorUse.between(
                        2,
                        Map.of("gemm", 1.0, "form", 0.5, "loss", 0.25),
                        Map.of("gemm", 3.0, "form", 1.0, "loss", 0.25));

        assertThat(use.seconds()).containsOnly(entry("gemm", 2.0), entry("form", 0.5));
        assertThat(use.fields(1.5)).containsEntry("gemm", 2.0).containsEntry("form", 0.5);
        assertThat(use.fields(1.5).get("other")).isCloseTo(0.5, within(1e-12));
        assertThat(use.fields(1.0).get("other")).isZero();
    }

    @Test
    void isNoneWhereNoWorkerDidAnything() {
        assertThat(OperatorUse.between(4, Map.of("gemm", 1.0), Map.of("gemm", 1.0)))
                .isSameAs(OperatorUse.NONE);
    }
}
