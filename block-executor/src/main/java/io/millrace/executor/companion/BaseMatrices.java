package io.millrace.executor.companion;

import io.millrace.memory.BlockLayout;
import io.millrace.memory.PackedFormat;
import io.millrace.memory.TensorSlot;
import io.millrace.model.Checkpoint;
import io.millrace.model.spec.LinearSpec;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.IntStream;

/** A base's tensors as they are stored, a few megabytes at a time, for products in double. */
final class BaseMatrices {
    private static final int PIECE = 1 << 20; // elements

    private final Checkpoint base;

    BaseMatrices(Checkpoint base) {
        this.base = base;
    }

    /** A row of a table. */
    float[] row(String table, long row, int width) {
        return rows(slot(table), row, 1, width);
    }

    /** A vector; zeros where its name is null. */
    double[] vector(String name, int width) {
        double[] vector = new double[width];
        if (name != null) {
            float[] stored = rows(slot(name), 0, 1, width);
            for (int i = 0; i < width; i++) {
                vector[i] = stored[i];
            }
        }
        return vector;
    }

    /**
     * A product with a matrix, and the sum with its bias.
     *
     * @param in a row a token
     * @param out a row a token, which has the product from a column on
     */
    void multiply(LinearSpec linear, double[][] in, double[][] out, int column) {
        double[] bias = vector(linear.bias(), linear.outputs());
        for (double[] row : out) {
            System.arraycopy(bias, 0, row, column, bias.length);
        }
        TensorSlot slot = slot(linear.weight());
        int rows = linear.inputMajor() ? linear.inputs() : linear.outputs();
        int width = linear.inputMajor() ? linear.outputs() : linear.inputs();
        int atOnce = Math.max(1, PIECE / width);
        for (int from = 0; from < rows; from += atOnce) {
            int count = Math.min(atOnce, rows - from);
            float[] piece = rows(slot, from, count, width);
            int first = from;
            // Each number's sum is in one order, however many threads there are.
            if (linear.inputMajor()) {
                IntStream.range(0, in.length)
                        .parallel()
                        .forEach(token ->
                                addRows(piece, first, width, in[token], out[token], column));
            } else {
                IntStream.range(0, count)
                        .parallel()
                        .forEach(row -> {
                            for (int token = 0; token < in.length; token++) {
                                out[token][column + first + row] +=
                                        dot(piece, row * width, in[token]);
                            }
                        });
            }
        }
    }

    private static void addRows(
            float[] piece, int first, int width, double[] in, double[] out, int column) {
        for (int row = 0; row < piece.length / width; row++) {
            double factor = in[first + row];
            for (int i = 0; i < width; i++) {
                out[column + i] += factor * piece[row * width + i];
            }
        }
    }

    private static double dot(float[] piece, int start, double[] in) {
        double sum = 0;
        for (int i = 0; i < in.length; i++) {
            sum += piece[start + i] * in[i];
        }
        return sum;
    }

    private float[] rows(TensorSlot slot, long first, int count, int width) {
        float[] values = new float[Math.multiplyExact(count, width)];
        try (Arena arena = Arena.ofConfined()) {
            if (slot.format() instanceof PackedFormat) {
                MemorySegment codes = arena.allocate(slot.sizeBytes(), BlockLayout.ALIGNMENT);
                base.readTensor(slot, 0, codes);
                slot.format().load(codes, 0, first * width, values, 0, values.length);
                return values;
            }
            long skipped = slot.format().bytes(List.of(first, (long) width));
            long size = slot.format().bytes(List.of((long) count, (long) width));
            MemorySegment bytes = arena.allocate(size, BlockLayout.ALIGNMENT);
            base.readTensor(slot, skipped, bytes);
            slot.format().load(bytes, 0, 0, values, 0, values.length);
        }
        return values;
    }

    private TensorSlot slot(String tensor) {
        return base.layout().find(tensor).orElseThrow().slot();
    }
}
