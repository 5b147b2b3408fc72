package io.millrace.executor.probe;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.cpu.op.Gemm;
import io.millrace.memory.DType;
import io.millrace.prefetch.plan.ComputeRates;
import io.millrace.prefetch.plan.FormRates;
import io.millrace.prefetch.plan.Operation;
import io.millrace.prefetch.plan.ThinRates;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ComputeProbeTest {
    @Test
    void everyOperationOfAPlanHasARate() {
        List<String> said = new ArrayList<>();
        ComputeProbe.Effort small =
                new ComputeProbe.Effort(
                        List.of(16, 64), List.of(64, 128), List.of(64), 512 << 10, 0, 0);
        try (ComputeProbe probe = new ComputeProbe(2, small, said::add)) {
            ComputeRates rates = probe.run();
            assertThat(rates.matmuls())
                    .hasSize(4)
                    .allSatisfy(rate -> assertThat(rate.flopsPerSecond()).isPositive());
            assertThat(rates.roundedMatmuls())
                    .hasSize(Gemm.multipliesBFloat16() ? 1 : 0)
                    .allSatisfy(rate -> assertThat(rate.flopsPerSecond()).isPositive());
            assertThat(rates.attentions())
                    .hasSize(2)
                    .allSatisfy(rate -> assertThat(rate.flopsPerSecond()).isPositive());
            assertThat(rates.forms().widenSeconds()).containsKeys(DType.F32, DType.BF16, DType.F16);
            assertThat(rates.forms().widenSeconds().get(FormRates.CODES)).isPositive();
            assertThat(rates.forms().widenSeconds().containsKey(FormRates.ROUNDED_CODES))
                    .isEqualTo(Gemm.multipliesBFloat16());
            assertThat(rates.passSeconds()).containsKeys(Operation.Kind.values());
            assertThat(rates.knows("gaussian")).isTrue();
            assertThat(rates.knows("rademacher")).isTrue();
            assertThat(rates.dispatchSeconds()).isPositive();
            ThinRates thin = rates.forms().thin().orElseThrow();
            assertThat(thin.readSeconds()).containsKeys(DType.F32, DType.BF16, DType.F16);
            assertThat(thin.factorSeconds()).isPositive();
            assertThat(thin.projectSeconds()).isPositive();
            assertThat(thin.addSeconds()).isPositive();
        }
        assertThat(said).hasSize(5);
    }
}
