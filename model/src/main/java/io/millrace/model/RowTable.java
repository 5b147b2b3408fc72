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
 * A large table of an embedding that is only read: a pass looks few of its rows up, and reads these
 * from the file. So it lies in no block, but for a head that is the same table.
 */
final class RowTable {
    private RowTable() {}

    /**
     * A model's blocks without the table.
     *
     * @param blocks all of them
     * @param visits those of a step's visits; where embedding and head were one block, they are two
     * @param table its place in no block
     */
    record Cut(List<BlockLayout> blocks, List<Integer> visits, TensorSlot table) {}

    /** The cut of a model whose tables are whole; empty where none is large. */
    static Optional<Cut> cut(ModelProgram program, ModelLayout layout) {
        return find(program, layout).map(table -> without(table, program, layout));
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
        return new Cut(blocks, visits, alone);
    }

    /** What has a visit has some bytes, were they only a line of zeros. */
    private static BlockLayout packed(int block, List<TensorSlot> slots) {
        return slots.isEmpty()
                ? new BlockLayout(block, slots, BlockLayout.ALIGNMENT)
                : BlockLayout.pack(block, slots);
    }
}
