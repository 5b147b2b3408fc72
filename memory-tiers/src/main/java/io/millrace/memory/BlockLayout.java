package io.millrace.memory;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.IntStream;

/**
 * What one block holds and where: the unit that moves between tiers. Its weights come first; behind
 * them lie the states of an update rule that keeps any, tensor by tensor.
 *
 * @param index its place among the model's blocks
 * @param tensors the weights in order of offset, without overlap
 * @param states behind them, for each trained tensor that has some in order each state in order;
 *     empty for most rules
 * @param sizeBytes a multiple of {@link #ALIGNMENT} that covers every tensor and state
 */
public record BlockLayout(
        int index, List<TensorSlot> tensors, List<StateSlot> states, long sizeBytes) {
    /** Offsets and sizes are multiples of this: a cache line, and a whole vector register. */
    public static final int ALIGNMENT = 64;

    /** Checks order, alignment and bounds. */
    public BlockLayout {
        tensors = List.copyOf(tensors);
        states = List.copyOf(states);
        long end = 0;
        Set<String> names = new HashSet<>();
        for (TensorSlot tensor : tensors) {
            requirePlace("tensor " + tensor.name(), tensor.offsetBytes(), end);
            if (!names.add(tensor.name())) {
                throw new IllegalArgumentException("tensor " + tensor.name() + " appears twice");
            }
            end = tensor.offsetBytes() + tensor.sizeBytes();
        }
        end = checkStates(tensors, states, end);
        if (sizeBytes < end || sizeBytes % ALIGNMENT != 0) {
            throw new IllegalArgumentException(
                    "block " + index + " of " + sizeBytes + " bytes ends at " + end);
        }
    }

    /** A block of weights alone. */
    public BlockLayout(int index, List<TensorSlot> tensors, long sizeBytes) {
        this(index, tensors, List.of(), sizeBytes);
    }

    /** Holds states to their order; the byte at which they end. */
    private static long checkStates(
            List<TensorSlot> tensors, List<StateSlot> states, long weightsEnd) {
        int each = 1 + states.stream().mapToInt(StateSlot::state).max().orElse(-1);
        long end = weightsEnd;
        int before = -1; // the tensor
        for (int i = 0; i < states.size(); i++) {
            StateSlot state = states.get(i);
            requirePlace("state " + state.name(), state.offsetBytes(), end);
            int tensor = state.tensor();
            boolean follows = i % each == 0 ? tensor > before : tensor == before;
            if (!follows
                    || tensor >= tensors.size()
                    || !tensors.get(tensor).isTrained()
                    || state.state() != i % each
                    || !isCounted(state, tensors.get(tensor))) {
                throw new IllegalArgumentException(state + " is out of its place");
            }
            before = tensor;
            end = state.offsetBytes() + state.sizeBytes();
        }
        if (each > 0 && states.size() % each != 0) {
            throw new IllegalArgumentException(states.size() + " states, of some tensors " + each);
        }
        return end;
    }

    private static boolean isCounted(StateSlot state, TensorSlot tensor) {
        return state.ofElements()
                ? state.elementCount() == tensor.elementCount()
                : state.elementCount() >= 0;
    }

    private static int[] trained(List<TensorSlot> tensors) {
        return IntStream.range(0, tensors.size())
                .filter(tensor -> tensors.get(tensor).isTrained())
                .toArray();
    }

    private static void requirePlace(String what, long offset, long end) {
        if (offset < end || offset % ALIGNMENT != 0) {
            throw new IllegalArgumentException(what + " overlaps or is misaligned at " + offset);
        }
    }

    /**
     * Lays tensors one after another; the offsets that they come with are ignored.
     *
     * @param index the block's index
     * @param tensors in the order wanted
     */
    public static BlockLayout pack(int index, List<TensorSlot> tensors) {
        List<TensorSlot> placed = new ArrayList<>();
        long offset = 0;
        for (TensorSlot tensor : tensors) {
            placed.add(tensor.withOffset(offset));
            offset = alignUp(offset + tensor.sizeBytes());
        }
        return new BlockLayout(index, placed, offset);
    }

    /**
     * The same weights at the same places, with these states behind them in place of any others.
     *
     * @param kinds the states that each trained tensor has, in order
     */
    public BlockLayout withStates(List<StateSlot.Kind> kinds) {
        return withStates(kinds, _ -> true);
    }

    /** The same of those trained tensors alone that a predicate holds for. */
    public BlockLayout withStates(List<StateSlot.Kind> kinds, Predicate<TensorSlot> has) {
        List<StateSlot> placed = new ArrayList<>();
        long offset = weightBytes();
        for (int tensor : trained(tensors)) {
            if (!has.test(tensors.get(tensor))) {
                continue;
            }
            for (int state = 0; state < kinds.size(); state++) {
                StateSlot.Kind kind = kinds.get(state);
                long elements = kind.extent().of(tensors.get(tensor).shape());
                StateSlot slot =
                        new StateSlot(
                                state,
                                kind.name(),
                                tensor,
                                kind.dtype(),
                                offset,
                                elements,
                                kind.isOfElements());
                placed.add(slot);
                offset = alignUp(offset + slot.sizeBytes());
            }
        }
        return new BlockLayout(index, tensors, placed, offset);
    }

    /** The tensor of that name; an IllegalArgumentException where there is none. */
    public TensorSlot tensor(String name) {
        for (TensorSlot tensor : tensors) {
            if (tensor.name().equals(name)) {
                return tensor;
            }
        }
        throw new IllegalArgumentException("block " + index + " has no tensor " + name);
    }

    /**
     * The states of a tensor, in the rule's order; none of one that is not trained, or has none.
     *
     * @param tensor its index in {@link #tensors}
     */
    public List<StateSlot> states(int tensor) {
        int first = 0;
        while (first < states.size() && states.get(first).tensor() != tensor) {
            first++;
        }
        int end = first;
        while (end < states.size() && states.get(end).tensor() == tensor) {
            end++;
        }
        return states.subList(first, end);
    }

    /**
     * One state of a tensor that is trained.
     *
     * @param tensor its index in {@link #tensors}
     * @param state its place among the states of a tensor
     */
    public StateSlot state(int tensor, int state) {
        return states(tensor).get(state);
    }

    /**
     * A block's bytes, states included, without what lies between.
     *
     * @param bytes the block as this lays it out
     */
    public List<MemorySegment> parts(MemorySegment bytes) {
        List<MemorySegment> parts = new ArrayList<>();
        for (TensorSlot slot : tensors) {
            parts.add(bytes.asSlice(slot.offsetBytes(), slot.sizeBytes()));
        }
        for (StateSlot slot : states) {
            parts.add(bytes.asSlice(slot.offsetBytes(), slot.sizeBytes()));
        }
        return parts;
    }

    /** Where the weights end, and states begin where there are any. */
    public long weightBytes() {
        return states.isEmpty() ? sizeBytes : states.getFirst().offsetBytes();
    }

    /** Bytes of the states. */
    public long stateBytes() {
        return sizeBytes - weightBytes();
    }

    /** Number of elements of all tensors. */
    public long elementCount() {
        return tensors.stream().mapToLong(TensorSlot::elementCount).sum();
    }

    private static long alignUp(long offset) {
        return (offset + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
}
