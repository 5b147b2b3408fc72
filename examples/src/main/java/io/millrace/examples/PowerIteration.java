package io.millrace.examples;

import io.millrace.stream.Block;
import io.millrace.stream.BlockStream;
import io.millrace.stream.Blocks;
import io.millrace.stream.PassResult;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;

/** The largest eigenvalue of a matrix that does not fit into memory. */
public final class PowerIteration {
    private static final int ROWS = 64; // of a block
    private static final int PASSES = 30;

    private PowerIteration() {}

    /**
     * Takes a file of n × n doubles (row-major, of this machine's byte order), n, the most host
     * memory, and a folder to go on from after a stop.
     */
    // docs: stream
    public static void main(String[] args) {
        int n = Integer.parseInt(args[1]);
        Blocks rows = Blocks.ofFile(Path.of(args[0]), (long) ROWS * n * Double.BYTES);
        BlockStream.Builder builder =
                BlockStream.of(rows)
                        .named("power iteration")
                        .hostBudget(args[2])
                        .nvmeDir(Path.of(args[3]))
                        .resume();
        try (BlockStream stream = builder.open()) {
            double[] x = new double[n];
            Arrays.fill(x, 1 / Math.sqrt(n));
            for (int i = 0; i < PASSES; i++) {
                PassResult pass = stream.pass(x, PowerIteration::multiply);
                double[] y = pass.joined();
                double norm = Math.sqrt(Arrays.stream(y).map(value -> value * value).sum());
                x = Arrays.stream(y).map(value -> value / norm).toArray();
                System.out.printf("pass %d: %.9f%n%s", i + 1, norm, pass.overlap().report());
            }
        }
    }

    private static double[] multiply(Block rows) {
        double[] x = rows.input();
        double[] y = new double[(int) (rows.size() / Double.BYTES / x.length)];
        MemorySegment a = rows.bytes();
        for (int i = 0; i < y.length * x.length; i++) {
            y[i / x.length] += a.getAtIndex(ValueLayout.JAVA_DOUBLE, i) * x[i % x.length];
        }
        return y;
    }
    // docs: end
}
