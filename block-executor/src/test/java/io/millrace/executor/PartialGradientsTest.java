package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TrainedTensors;
import io.millrace.memory.DType;
import io.millrace.memory.device.DeviceName;
import io.millrace.optim.gradient.rule.Lomo;
import io.millrace.optim.optimizer.Optimizers;
import io.millrace.optim.option.Settings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is trained decides how far back a step goes, and no bit of a gradient. */
class PartialGradientsTest {
    private static final Settings LOMO = Settings.NONE.with(Optimizers.KINDS.naming(), Lomo.NAME);

    @TempDir Path temp;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "model.layers.2.*",
                "model.norm.weight",
                "*.experts.*",
                "*.mlp.gate.weight",
                "*.1.self_attn.q_proj.weight",
                "model.embed_tokens.weight"
            })
    void gradientsOfSomeAreThoseOfTheWhole(String tuned) throws IOException {
        Path model = MixtureRunsTest.model(temp.resolve("model"), DType.F32);
        Map<String, float[]> whole = take(model, LOMO, MemoryConfig.DEFAULT).tensors();
        Map<String, float[]> some =
                take(model, LOMO.with(TrainedTensors.TUNE, tuned), MemoryConfig.DEFAULT).tensors();
        assertThat(some).isNotEmpty();
        assertThat(some.size()).isLessThan(whole.size());
        some.forEach((name, gradient) ->
                assertThat(Arrays.equals(gradient, whole.get(name))).as(name).isTrue());
    }

    /** Experts stream, of which a batch chooses some. */
    @Test
    void gradientsAreTheSameWhereverBlocksLie() throws IOException {
        Path model = MixtureRunsTest.model(temp.resolve("model"), DType.BF16);
        TakenGradients memory = take(model, LOMO, MemoryConfig.DEFAULT);
        long least =
                Runs.smallestThatWorks(
                        budget -> take(model, LOMO, Runs.host(DeviceName.CPU, budget)));
        take(model, LOMO, Runs.host(DeviceName.CPU, least)).assertSame(memory, 0);
    }

    private static TakenGradients take(Path model, Settings settings, MemoryConfig memory) {
        return TakenGradients.of(
                model,
                new ArithmeticConfig(settings),
                memory,
                _ -> TakenGradients.decoderBatches(320));
    }
}
