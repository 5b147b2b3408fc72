package io.millrace.model;

import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.model.file.Elements;
import io.millrace.model.file.TensorInfo;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * What the codes of a checkpoint's quantised tensors mean, rounded once to a plain dtype. It holds
 * the codes of one matrix, the last that was asked for. For use by one thread.
 */
public final class PackedSource implements AutoCloseable {
    private static final int PIECE = 8192;

    private final Checkpoint base;
    private final Arena scratch = Arena.ofConfined();
    private final MemorySegment values = scratch.allocate(PIECE * (long) Float.BYTES, 64);
    private final float[] tile = new float[PIECE];
    private Arena codes = Arena.ofConfined();
    private MemorySegment bytes = MemorySegment.NULL;
    private String held = "";

    /** Reads from a checkpoint, which stays open as long. */
    public PackedSource(Checkpoint base) {
        this.base = base;
    }

    /** Whether a tensor of that name is quantised. */
    public boolean has(String tensor) {
        return !(base.tensors().get(tensor).format() instanceof DType);
    }

    /**
     * Gives a part of a matrix.
     *
     * @param slot the matrix, in the dtype that is asked for
     * @param offsetBytes where the part begins in it, at a whole element
     * @param dst filled whole
     */
    public void read(TensorSlot slot, long offsetBytes, MemorySegment dst) {
        TensorInfo stored = base.tensors().get(slot.name());
        hold(stored);
        DType dtype = slot.dtype();
        int width = dtype.sizeBytes();
        long first = offsetBytes / width;
        long count = dst.byteSize() / width;
        for (long done = 0; done < count; done += PIECE) {
            int part = (int) Math.min(PIECE, count - done);
            stored.format().load(bytes, 0, first + done, tile, 0, part);
            MemorySegment.copy(tile, 0, values, ValueLayout.JAVA_FLOAT, 0, part);
            Elements.convert(values, DType.F32, dst.asSlice(done * width), dtype, part);
        }
    }

    private void hold(TensorInfo stored) {
        if (!held.equals(stored.name())) {
            codes.close();
            codes = Arena.ofConfined();
            held = stored.name();
            bytes = codes.allocate(stored.sizeBytes(), BlockLayout.ALIGNMENT);
            base.weights().read(stored, 0, bytes);
        }
    }

    @Override
    public void close() {
        codes.close();
        scratch.close();
    }
}
