package io.millrace.model;

import io.millrace.memory.BadInputException;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.model.file.Elements;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.file.TensorSource;
import io.millrace.model.spec.Slices;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A checkpoint's tensors in plain dtypes, each number rounded once: what its codes mean where it is
 * quantised. It holds the codes of one matrix, the last that was asked for. For use by one thread.
 */
public final class PackedSource implements TensorSource, AutoCloseable {
    private static final int PIECE = 8192;

    private final Checkpoint base;
    private final Arena scratch;
    private final MemorySegment values;
    private final float[] tile = new float[PIECE];
    private Arena codes;
    private MemorySegment bytes = MemorySegment.NULL;
    private String held = "";

    /**
     * Reads from a checkpoint, which stays open as long.
     *
     * @throws BadInputException where experts are packed in one tensor: such matrices lie another
     *     way than plain ones do
     */
    public PackedSource(Checkpoint base) {
        requireUnjoined(base);
        this.base = base;
        scratch = Arena.ofConfined();
        values = scratch.allocate(PIECE * (long) Float.BYTES, 64);
        codes = Arena.ofConfined();
    }

    private static void requireUnjoined(Checkpoint base) {
        base.tensors().values().stream()
                .filter(tensor -> !(tensor.format() instanceof DType))
                .map(TensorInfo::name)
                .filter(name -> Slices.find(name).isPresent())
                .findFirst()
                .ifPresent(name -> {
                    throw new BadInputException(
                            base.directory().toString(),
                            "'"
                                    + Slices.whole(name)
                                    + "' is packed with all experts in one tensor, which is not"
                                    + " written as a plain one",
                            "use the folder as it is, and an adapter beside it");
                });
    }

    /** {@inheritDoc} A part of what is quantised begins at a whole element. */
    @Override
    public void read(TensorSlot slot, long offsetBytes, MemorySegment dst) {
        TensorInfo stored = base.tensors().get(slot.name());
        if (stored.format() instanceof DType) {
            base.readTensor(slot, offsetBytes, dst);
            return;
        }
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
