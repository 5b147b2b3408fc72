package io.millrace.executor.config;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.Golden;
import io.millrace.memory.TensorSlot;
import io.millrace.model.Checkpoint;
import io.millrace.model.ModelLayout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TrainedTensorsTest {
    @ParameterizedTest
    @CsvSource({
        // patterns, trained matrices, trained vectors of a LLaMA of 3 layers
        "full, 23, 7",
        "matrices, 23, 0",
        "'matrices,!*embed*', 22, 0",
        "!matrices, 0, 7",
        "'matrices,!*,model.norm.weight', 0, 1",
        "'*layers.0.*,!matrices', 0, 2"
    })
    void theWordMatricesStandsForAllTensorsOfTwoAxes(String tune, int matrices, int vectors) {
        try (Checkpoint checkpoint = Checkpoint.open(Golden.path("llama"))) {
            ModelLayout layout = new TrainedTensors(tune).of(checkpoint.layout());
            assertThat(trained(layout, 2)).isEqualTo(matrices);
            assertThat(trained(layout, 1)).isEqualTo(vectors);
        }
    }

    @ParameterizedTest
    @CsvSource({
        // model, patterns, trained tensors; each with three layers but GPT-NeoX and OPT with two
        // norms
        "llama, norms, 7",
        "opt, norms, 14",
        "opt, biases, 25",
        "opt, 'norms,!*.bias', 7",
        "opt, 'biases,!*layer_norm*', 18",
        "gpt2, norms, 14",
        "gpt2, '!matrices,!norms', 12",
        "qwen2, biases, 9"
    })
    void normsAndBiasesAreToldByNameAndShape(String model, String tune, int tensors) {
        try (Checkpoint checkpoint = Checkpoint.open(Golden.path(model))) {
            ModelLayout layout = new TrainedTensors(tune).of(checkpoint.layout());
            assertThat(trained(layout, 1)).isEqualTo(tensors);
            assertThat(trained(layout, 2)).isZero();
        }
    }

    private static long trained(ModelLayout layout, int axes) {
        return layout.blocks().stream()
                .flatMap(block -> block.tensors().stream())
                .filter(TensorSlot::isTrained)
                .filter(slot -> slot.shape().size() == axes)
                .count();
    }
}
