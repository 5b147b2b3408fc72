package io.millrace.model.quantize;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Σ x xᵀ of the rows that a matrix is multiplied with: the blocks along its diagonal, each of a
 * window of inputs, in float32. For use by one thread at a time.
 */
public final class InputMoments {
    private static final int AT_ONCE = 4;

    private final int inputs;
    private final int window;
    private final float[][] blocks; // [width, width] each; the upper triangle counts

    /**
     * Of no rows.
     *
     * @param inputs columns of the matrix
     * @param window inputs that are seen together
     */
    public InputMoments(int inputs, int window) {
        this.inputs = inputs;
        this.window = Math.min(window, inputs);
        blocks = new float[Math.ceilDiv(inputs, this.window)][];
        for (int at = 0; at < blocks.length; at++) {
            blocks[at] = new float[width(at) * width(at)];
        }
    }

    /** Bytes that such sums take. */
    public static long bytes(int inputs, int window) {
        long width = Math.min(window, inputs);
        return Math.ceilDiv((long) inputs, width) * width * width * Float.BYTES;
    }

    /**
     * Adds rows.
     *
     * @param x [count, inputs], finite
     */
    public void add(float[] x, int count) {
        IntStream.range(0, blocks.length).parallel().forEach(at -> add(at, x, count));
    }

    private void add(int at, float[] x, int count) {
        int width = width(at);
        float[] sums = blocks[at];
        float[] zero = new float[width];
        float[][] some = new float[AT_ONCE][];
        for (int row = 0; row < count; row += AT_ONCE) {
            for (int i = 0; i < AT_ONCE; i++) {
                some[i] = zero;
                if (row + i < count) {
                    int from = (row + i) * inputs + at * window;
                    some[i] = Arrays.copyOfRange(x, from, from + width);
                }
            }
            for (int i = 0; i < width; i++) {
                addRow(sums, i * width, i, width, some[0], some[1], some[2], some[3]);
            }
        }
    }

    private static void addRow(
            float[] sums, int at, int i, int width, float[] a, float[] b, float[] c, float[] d) {
        float ai = a[i];
        float bi = b[i];
        float ci = c[i];
        float di = d[i];
        for (int j = i; j < width; j++) {
            sums[at + j] += ai * a[j] + bi * b[j] + ci * c[j] + di * d[j];
        }
    }

    /** Whether all that was added was numbers. */
    public boolean isFinite() {
        for (int at = 0; at < blocks.length; at++) {
            for (int i = 0; i < width(at); i++) {
                if (!Float.isFinite(blocks[at][i * width(at) + i])) {
                    return false;
                }
            }
        }
        return true;
    }

    int inputs() {
        return inputs;
    }

    int window() {
        return window;
    }

    int windows() {
        return blocks.length;
    }

    private int width(int at) {
        return Math.min(window, inputs - at * window);
    }

    /** One block, symmetric. */
    double[][] block(int at) {
        int width = width(at);
        double[][] block = new double[width][width];
        for (int i = 0; i < width; i++) {
            for (int j = i; j < width; j++) {
                block[i][j] = blocks[at][i * width + j];
                block[j][i] = block[i][j];
            }
        }
        return block;
    }
}
