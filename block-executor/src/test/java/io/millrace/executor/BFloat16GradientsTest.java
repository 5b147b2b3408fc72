package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.cpu.op.Gemm;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.synthetic.SyntheticModel;
import io.millrace.optim.gradient.rule.Lomo;
import io.millrace.optim.optimizer.Optimizers;
import io.millrace.optim.option.Settings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Gradients whose products, there and back, read bfloat16. */
class BFloat16GradientsTest {
    private static final int IDS = 60; // that all of the models have
    private static final Settings LOMO = Settings.NONE.with(Optimizers.KINDS.naming(), Lomo.NAME);

    @TempDir Path temp;

    static List<String> folders() {
        return Golden.FOLDERS;
    }

    @BeforeEach
    void needsProducts() {
        assumeTrue(Gemm.multipliesBFloat16());
    }

    @ParameterizedTest
    @MethodSource("folders")
    void differFromFloat32AsMuchAsEightBitsDo(String name) {
        Map<String, float[]> exact = gradients(Golden.path(name), LOMO, Matmul.NATIVE);
        Map<String, float[]> rounded = gradients(Golden.path(name), LOMO, Matmul.BF16);
        assertThat(rounded).containsOnlyKeys(exact.keySet());
        double errors = 0;
        double squares = 0;
        for (Map.Entry<String, float[]> each : exact.entrySet()) {
            float[] right = each.getValue();
            float[] near = rounded.get(each.getKey());
            for (int i = 0; i < right.length; i++) {
                errors += Math.pow(near[i] - right[i], 2);
                squares += Math.pow(right[i], 2);
            }
        }
        // Units of a ReLU that lie near 0 turn: of OPT, a few hundredths.
        assertThat(Math.sqrt(errors / squares)).isBetween(1e-4, 5e-2);
    }

    /** Stored bfloat16 is read as it is; widened to float32 it is formed and rounded. */
    @Test
    void readingStoredBytesHasTheBitsOfRoundingThem() throws IOException {
        Path model = temp.resolve("model");
        SyntheticModel.write(
                ModelConfig.of("config.json", Golden.json("llama/config.json")),
                DType.BF16,
                5,
                model,
                bytes -> {});
        Map<String, float[]> stored =
                gradients(model, LOMO.with(ArithmeticConfig.DTYPE, DType.BF16), Matmul.BF16);
        Map<String, float[]> widened =
                gradients(model, LOMO.with(ArithmeticConfig.DTYPE, DType.F32), Matmul.BF16);
        assertThat(stored).containsOnlyKeys(widened.keySet());
        stored.forEach((tensor, gradient) ->
                assertThat(gradient).as(tensor).isEqualTo(widened.get(tensor)));
    }

    private static Map<String, float[]> gradients(Path model, Settings told, Matmul products) {
        return TakenGradients.of(
                        model,
                        new ArithmeticConfig(told.with(ArithmeticConfig.MATMUL, products)),
                        MemoryConfig.DEFAULT,
                        _ -> TakenGradients.decoderBatches(IDS))
                .tensors();
    }
}
