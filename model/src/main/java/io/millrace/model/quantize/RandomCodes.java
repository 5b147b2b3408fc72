package io.millrace.model.quantize;

import io.millrace.memory.DType;
import io.millrace.model.file.Elements;
import java.lang.foreign.MemorySegment;
import java.util.function.LongConsumer;

/**
 * Writes what a made-up matrix is stored as: random codes, and scales near one value. The same seed
 * makes the same bytes. For use by one thread.
 */
public final class RandomCodes {
    private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;
    private static final double LEAST_SHARE = 0.75;
    private static final double SPREAD = 0.5;

    private final QuantForm.PartSink sink;
    private final MemorySegment buffer;
    private final LongConsumer progress;
    private long state;

    /**
     * CodeBook of one matrix.
     *
     * @param sink takes them
     * @param buffer memory to make them in
     * @param seed of the matrix
     * @param progress called now and then with the bytes written since the last call
     */
    public RandomCodes(
            QuantForm.PartSink sink, MemorySegment buffer, long seed, LongConsumer progress) {
        this.sink = sink;
        this.buffer = buffer;
        this.progress = progress;
        state = seed;
    }

    private long next() {
        state += GOLDEN_GAMMA;
        return Hash64.mix(state);
    }

    /** A tensor of random bits. */
    void bits(String tensor, long bytes) {
        bits(tensor, bytes, -1, 0);
    }

    /**
     * A tensor of random bits, of which some are set or left out.
     *
     * @param kept what each eight bytes are masked with
     * @param added what is set in them then
     */
    void bits(String tensor, long bytes, long kept, long added) {
        for (long done = 0; done < bytes; done += buffer.byteSize()) {
            long count = Math.min(buffer.byteSize(), bytes - done);
            for (long at = 0; at + Long.BYTES <= count; at += Long.BYTES) {
                buffer.set(Elements.LONG, at, (next() & kept) | added);
            }
            if (count % Long.BYTES != 0) {
                byte[] last = new byte[Long.BYTES];
                MemorySegment.ofArray(last).set(Elements.LONG, 0, (next() & kept) | added);
                long from = count / Long.BYTES * Long.BYTES;
                MemorySegment rest = MemorySegment.ofArray(last).asSlice(0, count - from);
                MemorySegment.copy(rest, 0, buffer, from, count - from);
            }
            write(tensor, done, count);
        }
    }

    /** A tensor of scales, spread evenly around one. */
    void scales(String tensor, DType dtype, long elements, double around) {
        long most = buffer.byteSize() / dtype.sizeBytes();
        for (long done = 0; done < elements; done += most) {
            long count = Math.min(most, elements - done);
            for (long at = 0; at < count; at++) {
                double share = LEAST_SHARE + SPREAD * ((next() >>> 11) * 0x1p-53);
                Elements.set(buffer, dtype, at, (float) (around * share));
            }
            write(tensor, done * dtype.sizeBytes(), count * dtype.sizeBytes());
        }
    }

    /** What there is once. */
    void write(String tensor, MemorySegment bytes) {
        sink.write(tensor, 0, bytes);
        progress.accept(bytes.byteSize());
    }

    private void write(String tensor, long offset, long bytes) {
        sink.write(tensor, offset, buffer.asSlice(0, bytes));
        progress.accept(bytes);
    }
}
