package io.millrace.model;

import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.model.file.Elements;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.stream.Stream;

/** Looks for what is infinite or not a number. */
public final class NonFinite {
    private NonFinite() {}

    /**
     * The name of the first tensor or state of a block that holds some.
     *
     * @param block what lies where
     * @param bytes the block as that lays it out
     */
    public static Optional<String> first(BlockLayout block, MemorySegment bytes) {
        return Stream.concat(
                        block.tensors().stream()
                                .filter(slot ->
                                        Elements.isNonFinite(
                                                bytes.asSlice(slot.offsetBytes(), slot.sizeBytes()),
                                                slot.format()))
                                .map(TensorSlot::name),
                        block.states().stream()
                                .filter(slot ->
                                        Elements.isNonFinite(
                                                bytes.asSlice(slot.offsetBytes(), slot.sizeBytes()),
                                                slot.dtype()))
                                .map(slot -> StateFile.name(block, slot)))
                .findFirst();
    }
}
