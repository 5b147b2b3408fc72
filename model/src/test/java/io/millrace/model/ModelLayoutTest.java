package io.millrace.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.StateSlot;
import io.millrace.memory.TensorSlot;
import io.millrace.model.architecture.known.NamedArchitectures;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
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
    void hasATableOfWhichRowsAreReadInNoBlock() {
        ModelLayout untied = reading("llama");
        assertThat(untied.visits()).containsExactly(0, 1, 2, 3, 4);
        assertThat(untied.block(0).tensors()).isEmpty();
        assertThat(untied.block(0).sizeBytes()).isEqualTo(BlockLayout.ALIGNMENT);
        assertThat(untied.find("model.embed_tokens.weight"))
                .hasValueSatisfying(place ->
                        assertThat(place.block()).isEqualTo(ModelLayout.Placement.NO_BLOCK));
        assertThat(untied.elementCount()).isEqualTo(layout("llama", DType.BF16).elementCount());
        ModelLayout tied = reading("opt");
        int head = tied.visits().getLast();
        assertThat(head).isEqualTo(layout("opt", DType.BF16).blocks().size());
        assertThat(tied.isTied()).isFalse();
        assertThat(names(tied.block(0))).containsExactly("model.decoder.embed_positions.weight");
        assertThat(names(tied.block(head)))
                .containsExactly(
                        "model.decoder.embed_tokens.weight",
                        "model.decoder.final_layer_norm.bias",
                        "model.decoder.final_layer_norm.weight");
        assertThat(tied.elementCount()).isEqualTo(layout("opt", DType.BF16).elementCount());
        assertThat(tied.panels().alone().orElseThrow().isTrained()).isFalse();
    }

    @Test
    void hasATableThatFoldsLaterInPanelsOfWhichAStepVisitsNone() {
        ModelProgram program = inPanels("llama");
        ModelLayout whole = ModelLayout.of(program, DType.BF16);
        ModelLayout later = whole.foldingLater(program);
        String table = "model.embed_tokens.weight";
        assertThat(later.block(0).tensors()).isEmpty();
        assertThat(later.panels().lookedUp()).isEmpty();
        assertThat(later.panels().embedding())
                .isNotEmpty()
                .allSatisfy(panel -> assertThat(names(later.block(panel))).containsExactly(table));
        assertThat(later.elementCount()).isEqualTo(whole.elementCount());
        assertThat(later.panels().alone().orElseThrow().tensorId())
                .isEqualTo(whole.find(table).orElseThrow().slot().tensorId());
        int seldom = later.panels().largestSeldom(later.blocks()).orElseThrow().index();
        assertThat(later.order()).containsExactly(0, 1, 2, 3, 4, seldom);

        ModelLayout alone = later.training(table::equals);
        assertThat(alone.panels().alone().orElseThrow().tensorId()).isZero();
        assertThat(alone.inPanels(program).panels().embedding())
                .isEqualTo(alone.panels().embedding());
        assertThat(later.training(name -> !name.equals(table)).panels().alone())
                .hasValueSatisfying(slot -> assertThat(slot.isTrained()).isFalse());

        ModelProgram tied = inPanels("opt");
        assertThat(ModelLayout.of(tied, DType.BF16).foldingLater(tied).panels().later()).isFalse();
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

    @Test
    void statesChangeNothingOfTheWeights() {
        ModelLayout weights = layout("gpt2", DType.BF16);
        List<StateSlot.Kind> kinds =
                List.of(new StateSlot.Kind("m", DType.F32), new StateSlot.Kind("h", DType.BF16));
        ModelLayout stated = weights.withStates(kinds);
        assertThat(stated.visits()).isEqualTo(weights.visits());
        assertThat(stated.isTied()).isEqualTo(weights.isTied());
        assertThat(stated.elementCount()).isEqualTo(weights.elementCount());
        assertThat(stated.tensorCount()).isEqualTo(weights.tensorCount());
        assertThat(stated.weightBytes()).isEqualTo(weights.sizeBytes());
        assertThat(stated.sizeBytes()).isEqualTo(stated.weightBytes() + stated.stateBytes());
        assertThat(stated.stateBytes())
                .isBetween(6 * weights.elementCount(), 7 * weights.elementCount());
        assertThat(weights.stateBytes()).isZero();
        for (BlockLayout block : weights.blocks()) {
            assertThat(stated.block(block.index()).tensors()).isEqualTo(block.tensors());
        }
        assertThat(stated.withStates(List.of()).blocks()).isEqualTo(weights.blocks());
    }

    @Test
    void tensorsThatARunLeavesAsTheyAreHaveNoStates() {
        ModelLayout weights = layout("gpt2", DType.BF16);
        List<StateSlot.Kind> kinds = List.of(new StateSlot.Kind("m", DType.F32));
        ModelLayout stated = weights.training(name -> name.contains("attn")).withStates(kinds);
        assertThat(stated.weightBytes()).isEqualTo(weights.sizeBytes());
        for (BlockLayout block : stated.blocks()) {
            for (int tensor = 0; tensor < block.tensors().size(); tensor++) {
                assertThat(block.states(tensor))
                        .hasSize(block.tensors().get(tensor).name().contains("attn") ? 1 : 0);
            }
        }
        assertThat(stated.training(_ -> true).withStates(kinds).blocks())
                .isEqualTo(weights.withStates(kinds).blocks());
    }

    @Test
    void aStateThatIsNoNumberIsFound() {
        ModelLayout layout =
                layout("gpt2", DType.BF16)
                        .withStates(
                                List.of(
                                        new StateSlot.Kind("m", DType.F32),
                                        new StateSlot.Kind("h", DType.BF16)));
        BlockLayout block = layout.block(1);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(block.sizeBytes());
            assertThat(NonFinite.first(layout.block(1), bytes)).isEmpty();
            StateSlot last = block.state(block.tensors().size() - 1, 1);
            bytes.set(
                    ValueLayout.JAVA_SHORT,
                    last.offsetBytes() + last.sizeBytes() - 2,
                    (short) 0x7F80);
            assertThat(NonFinite.first(layout.block(1), bytes))
                    .hasValue(block.tensors().getLast().name() + ".h");
            StateSlot first = block.state(0, 0);
            bytes.set(ValueLayout.JAVA_FLOAT, first.offsetBytes(), Float.NaN);
            assertThat(NonFinite.first(layout.block(1), bytes))
                    .hasValue(block.tensors().getFirst().name() + ".m");
        }
    }

    private static int id(ModelLayout layout, String name) {
        return layout.find(name).orElseThrow().slot().tensorId();
    }

    private static List<String> names(BlockLayout block) {
        return block.tensors().stream().map(TensorSlot::name).toList();
    }

    private static ModelLayout reading(String golden) {
        ModelProgram program = inPanels(golden);
        return ModelLayout.of(program, DType.BF16).readingRows(program);
    }

    private static ModelProgram inPanels(String golden) {
        ModelConfig config =
                ModelConfig.read(TestModels.resource("golden/" + golden + "/config.json"));
        return NamedArchitectures.program(config).withPanels(64);
    }

    private static ModelLayout layout(String golden, DType dtype) {
        ModelConfig config =
                ModelConfig.read(TestModels.resource("golden/" + golden + "/config.json"));
        ModelProgram program = NamedArchitectures.program(config);
        return ModelLayout.of(program, dtype);
    }
}
