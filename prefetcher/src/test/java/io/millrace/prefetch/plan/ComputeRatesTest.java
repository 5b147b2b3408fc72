package io.millrace.prefetch.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.memory.DType;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ComputeRatesTest {
    private static final ComputeRates TWO_POINTS =
            new ComputeRates(
                    List.of(
                            new ComputeRates.MatmulRate(16, 64, 1e9),
                            new ComputeRates.MatmulRate(256, 64, 4e9)),
                    List.of(new ComputeRates.AttentionRate(64, 64, 1e9)),
                    new FormRates(Map.of(), Map.of(), Map.of("gaussian", 0.0), Optional.empty()),
                    Map.of(),
                    0,
                    0,
                    List.of());

    @Test
    void ratesLieBetweenThoseThatWereMeasuredAndEndWithThem() {
        assertThat(TWO_POINTS.matmulRate(16, 64)).isEqualTo(1e9);
        assertThat(TWO_POINTS.matmulRate(256, 64)).isEqualTo(4e9);
        assertThat(TWO_POINTS.matmulRate(64, 64))
                .isCloseTo(1 / (0.5 / 1e9 + 0.5 / 4e9), within(1.0));
        assertThat(TWO_POINTS.matmulRate(1, 64)).isEqualTo(1e9);
        assertThat(TWO_POINTS.matmulRate(9999, 9999)).isEqualTo(4e9);
    }

    @Test
    void operationsAddUp() {
        List<Operation> operations =
                List.of(
                        new Operation.Matmul(16, 64, 100, 2),
                        new Operation.Form(1000, DType.F32, 2, true, true),
                        new Operation.Attend(64, 64, 3),
                        new Operation.Pass(Operation.Kind.NORM, 500),
                        new Operation.Dispatch(7));
        double expected =
                2.0 * 16 * 64 * 100 * 2 / 1e9
                        + 1000 * (1e-9 + 2e-9 + 2 * 4e-9)
                        + 2.0 * 64 * 64 * 64 * 3 / 1e9
                        + 500 * 8e-9
                        + 7 * 1e-6;
        assertThat(Machines.rates().seconds(operations, "gaussian"))
                .isCloseTo(expected, within(1e-15));
    }

    @Test
    void whatIsBesideALowRankProductAddsUp() {
        List<Operation> operations =
                List.of(
                        new Operation.Stored(1000, DType.F32, false),
                        new Operation.Stored(1000, DType.F32, true),
                        new Operation.Factor(30),
                        new Operation.Terms(1000, 3),
                        new Operation.Side(16, 64, 100, 3, 2));
        double expected =
                1000 * 11e-9
                        + 1000 * 4 * 1e-10
                        + 30 * 5e-9
                        + 3000 * 9e-9
                        + 16 * (64 * 6e-9 + 100 * 7e-9) * 2 * 2; // rank 3 takes two passes
        assertThat(Machines.rates().seconds(operations, "gaussian"))
                .isCloseTo(expected, within(1e-15));
        assertThatThrownBy(() -> TWO_POINTS.seconds(operations, "gaussian"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("thin");
    }

    @Test
    void weightsThatMemoryBringsTooSlowlyBindASmallProduct() {
        ComputeRates card = MachineCatalog.rates(1e14, 1e13, 1e12);
        double one = card.seconds(List.of(new Operation.Matmul(1, 4096, 4096, 1)), "gaussian");
        assertThat(one).isCloseTo(2.0 * 4096 * 4096 / 1e12, within(1e-12));
        double many = card.seconds(List.of(new Operation.Matmul(8192, 4096, 4096, 1)), "gaussian");
        assertThat(many).isCloseTo(2.0 * 8192 * 4096 * 4096 / 1e14, within(1e-9));
    }

    @Test
    void aDirectionWithoutARateIsRefused() {
        assertThatThrownBy(() ->
                        TWO_POINTS.seconds(
                                List.of(new Operation.Form(1, DType.F32, 1, true, false)), "other"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("other");
    }
}
