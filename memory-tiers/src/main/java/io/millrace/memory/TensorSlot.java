package io.millrace.memory;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * One tensor's place in a block.
 *
 * @param name the checkpoint's name
 * @param tensorId its index among the names that are trained, sorted bytewise: the perturbation's
 *     second coordinate; {@link #FROZEN} where a run leaves the tensor as it is
 * @param format how its elements are stored; a {@link DType} where it is trained
 * @param shape row-major extents of what lies here
 * @param offsetBytes from the start of the block; a multiple of {@link BlockLayout#ALIGNMENT}
 * @param panel which rows of the tensor lie here; empty where all do
 */
public record TensorSlot(
        String name,
        int tensorId,
        TensorFormat format,
        List<Long> shape,
        long offsetBytes,
        Optional<Panel> panel) {

    /** The id of a tensor that is not trained. */
    public static final int FROZEN = -1;

    /**
     * Some rows of a tensor, whose others lie in other blocks.
     *
     * @param firstRow the first of them
     * @param allRows how many the tensor has
     */
    public record Panel(long firstRow, long allRows) {}

    /** A whole tensor. */
    public TensorSlot(
            String name, int tensorId, TensorFormat format, List<Long> shape, long offsetBytes) {
        this(name, tensorId, format, shape, offsetBytes, Optional.empty());
    }

    /** Freezes the shape, and checks that what is trained can be stored. */
    public TensorSlot {
        shape = List.copyOf(shape);
        if (tensorId != FROZEN && !(format instanceof DType)) {
            throw new IllegalArgumentException(name + " of " + format.name() + " is trained");
        }
        if (panel.isPresent()
                && (!(format instanceof DType)
                        || panel.get().firstRow + shape.getFirst() > panel.get().allRows)) {
            throw new IllegalArgumentException(panel.get() + " of " + name + shape);
        }
    }

    /** Number of elements. */
    public long elementCount() {
        return shape.stream().reduce(1L, Math::multiplyExact);
    }

    /** Bytes of all elements. */
    public long sizeBytes() {
        return format.bytes(shape);
    }

    /** Whether it is a plain array of numbers, as all are that a run may train. */
    public boolean isPlain() {
        return format instanceof DType;
    }

    /** The numbers of a plain array; an IllegalStateException of another format. */
    public DType dtype() {
        if (format instanceof DType dtype) {
            return dtype;
        }
        throw new IllegalStateException(name + " of " + format.name() + " is no plain array");
    }

    /** Whether a run may change it. */
    public boolean isTrained() {
        return tensorId != FROZEN;
    }

    /** The same with another id. */
    public TensorSlot withTensorId(int id) {
        return new TensorSlot(name, id, format, shape, offsetBytes, panel);
    }

    /** The same at another place of a block. */
    public TensorSlot withOffset(long bytes) {
        return new TensorSlot(name, tensorId, format, shape, bytes, panel);
    }

    /** Some rows of a whole tensor of plain numbers. */
    public TensorSlot rows(long first, long count) {
        List<Long> part = new ArrayList<>(shape);
        part.set(0, count);
        return new TensorSlot(
                name,
                tensorId,
                format,
                part,
                offsetBytes,
                Optional.of(new Panel(first, shape.getFirst())));
    }

    /** Whether the tensor begins here: so does each once, in however many panels it lies. */
    public boolean isFirst() {
        return firstRow() == 0;
    }

    /** The tensor's name, and of a panel its rows. */
    public String label() {
        return panel.map(part ->
                        name
                                + "["
                                + part.firstRow
                                + ".."
                                + (part.firstRow + shape.getFirst())
                                + "]")
                .orElse(name);
    }

    /** The first row of the tensor that lies here. */
    public long firstRow() {
        return panel.map(Panel::firstRow).orElse(0L);
    }

    /** The element of the tensor that lies here first. */
    public long firstElement() {
        return panel.isEmpty() ? 0 : firstRow() * (elementCount() / shape.getFirst());
    }

    /** The byte of the tensor that lies here first. */
    public long firstByte() {
        return panel.isEmpty() ? 0 : firstElement() * dtype().sizeBytes();
    }

    /** Row-major extents of the whole tensor. */
    public List<Long> wholeShape() {
        List<Long> whole = new ArrayList<>(shape);
        panel.ifPresent(part -> whole.set(0, part.allRows));
        return whole;
    }

    /** Number of elements of the whole tensor. */
    public long wholeElementCount() {
        return wholeShape().stream().reduce(1L, Math::multiplyExact);
    }

    /** Whether weight decay spares it: vectors are biases and norms. */
    public boolean isVector() {
        return shape.size() < 2;
    }
}
