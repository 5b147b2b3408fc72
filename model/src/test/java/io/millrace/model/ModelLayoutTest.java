package io.millrace.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.model.architecture.NamedArchitectures;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.spec.DecoderSpec;
import java.util.List;
import org.junit.jupiter.api.Test;

class ModelLayoutTest {
    @Test
    void visitsTheEndsOfATiedModelInOneBlock() {
        ModelLayout layout = layout("opt-350m", DType.F32);
        assertThat(layout.isTied()).isTrue();
        assertThat(layout.blocks()).hasSize(4);
        assertThat(layout.visits()).containsExactly(0, 1, 2, 3, 0);
        assertThat(names(layout.block(0)))
                .containsExactly(
                        "model.decoder.embed_positions.weight",
                        "model.decoder.embed_tokens.weight",
                        "model.decoder.project_in.weight",
                        "model.decoder.project_out.weight");
    }

    @Test
    void givesEachEndOfAnUntiedModelABlock() {
        ModelLayout layout = layout("llama", DType.BF16);
        assertThat(layout.isTied()).isFalse();
        assertThat(layout.visits()).containsExactly(0, 1, 2, 3, 4);
        assertThat(names(layout.block(0))).containsExactly("model.embed_tokens.weight");
        assertThat(names(layout.block(4))).containsExactly("lm_head.weight", "model.norm.weight");
        assertThat(layout.find("lm_head.weight"))
                .hasValueSatisfying(place -> {
                    assertThat(place.block()).isEqualTo(4);
                    assertThat(place.slot().tensorId()).isZero();
                });
        assertThat(layout.find("model.layers.9.mlp.up_proj.weight")).isEmpty();
    }

    @Test
    void numbersTensorsBytewise() {
        ModelLayout layout = layout("llama-deep", DType.F32);
        assertThat(id(layout, "model.layers.10.input_layernorm.weight"))
                .isLessThan(id(layout, "model.layers.2.input_layernorm.weight"));
        assertThat(ModelLayout.BYTEWISE.compare("\uFFFD", "\uD83D\uDE00")).isNegative();
        assertThat("\uFFFD".compareTo("\uD83D\uDE00")).isPositive();
    }

    @Test
    void countsBytesAndElements() {
        ModelLayout wide = layout("gpt2", DType.F32);
        ModelLayout narrow = layout("gpt2", DType.BF16);
        long elements = 0;
        for (BlockLayout block : wide.blocks()) {
            for (TensorSlot slot : block.tensors()) {
                elements += slot.elementCount();
            }
        }
        assertThat(wide.elementCount()).isEqualTo(elements);
        assertThat(narrow.elementCount()).isEqualTo(elements);
        assertThat(wide.sizeBytes()).isGreaterThanOrEqualTo(4 * elements);
        assertThat(narrow.sizeBytes()).isBetween(2 * elements, 3 * elements);
        assertThat(wide.largestBlock().index()).isEqualTo(1);
    }

    private static int id(ModelLayout layout, String name) {
        return layout.find(name).orElseThrow().slot().tensorId();
    }

    private static List<String> names(BlockLayout block) {
        return block.tensors().stream().map(TensorSlot::name).toList();
    }

    private static ModelLayout layout(String golden, DType dtype) {
        ModelConfig config =
                ModelConfig.read(TestModels.resource("golden/" + golden + "/config.json"));
        DecoderSpec spec = NamedArchitectures.spec(config);
        return ModelLayout.of(spec, dtype);
    }
}
