package io.millrace.model;

import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.TensorSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A large table of an embedding: a pass looks few of its rows up, and reads these from the file. So
 * a step visits no block that has it, but for a head that is the same table.
 */
final class RowTable {
    private RowTable() {}

    /**
     * A model's blocks without the table.
     *
     * @param blocks all of them
     * @param visits those of a step's visits; where embedding and head were one block, they are two
     * @param panels which tables lie in which blocks
     */
    record Cut(List<BlockLayout> blocks, List<Integer> visits, VocabularyPanels panels) {}

    /** The cut of a model whose tables are whole and only read; empty where none is large. */
    static Optional<Cut> cut(ModelProgram program, ModelLayout layout) {
        return find(program, layout).map(table -> without(table, program, layout));
    }

    /**
     * The cut of one that trains the table; empty where none is large, and where the head has to
     * bring all of it in every step.
     */
    static Optional<Cut> cutLater(ModelProgram program, ModelLayout layout) {
        return layout.isTied()
                ? Optional.empty()
                : find(program, layout)
                        .map(table -> {
                            Cut read = without(table, program, layout);
                            List<BlockLayout> blocks = new ArrayList<>(read.blocks());
                            TensorSlot alone = table.withOffset(0);
                            VocabularyPanels panels =
                                    VocabularyPanels.foldingLater(alone, program, layout, blocks);
                            return new Cut(blocks, read.visits(), panels);
                        });
    }

    /** The table of a model whose tables are whole, where it is large enough. */
    static Optional<TensorSlot> find(ModelProgram program, ModelLayout layout) {
        if (!VocabularyPanels.canLookUp(program)) {
            return Optional.empty();
        }
        String name = VocabularyPanels.lookedUp(program).getFirst();
        return Optional.of(layout.block(layout.visits().getFirst()).tensor(name))
                .filter(TensorSlot::isPlain)
                .filter(table -> VocabularyPanels.isLarge(table, program));
    }

    private static Cut without(TensorSlot table, ModelProgram program, ModelLayout layout) {
        List<BlockLayout> blocks = new ArrayList<>(layout.blocks());
        List<Integer> visits = new ArrayList<>(layout.visits());
        int first = visits.getFirst();
        Set<String> head =
                ProgramTensors.of(program).head().stream()
                        .map(TensorSpec::name)
                        .collect(Collectors.toSet());
        List<TensorSlot> looking = new ArrayList<>();
        List<TensorSlot> scoring = new ArrayList<>();
        for (TensorSlot slot : layout.block(first).tensors()) {
            boolean scores = slot.equals(table) || head.contains(slot.name());
            (scores ? scoring : looking).add(slot);
        }
        blocks.set(first, packed(first, looking));
        if (layout.isTied()) {
            visits.set(visits.size() - 1, blocks.size());
            blocks.add(packed(blocks.size(), scoring));
        }
        TensorSlot alone = table.withTensorId(TensorSlot.FROZEN).withOffset(0);
        return new Cut(blocks, visits, VocabularyPanels.readingRows(alone));
    }

    /** What has a visit has some bytes, were they only a line of zeros. */
    private static BlockLayout packed(int block, List<TensorSlot> slots) {
        return slots.isEmpty()
                ? new BlockLayout(block, slots, BlockLayout.ALIGNMENT)
                : BlockLayout.pack(block, slots);
    }
}
