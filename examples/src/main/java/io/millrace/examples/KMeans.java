package io.millrace.examples;

import io.millrace.stream.Block;
import io.millrace.stream.BlockStream;
import io.millrace.stream.Blocks;
import io.millrace.stream.PassResult;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Clusters of points that do not fit into memory. Each point keeps the number of its cluster, which
 * the passes change in place; a run that was killed goes on where it was.
 *
 * <pre>
 *   a point   8 coordinates, and the number of its cluster, as floats
 * </pre>
 */
public final class KMeans {
    private static final int WIDTH = 8;
    private static final int FLOATS = WIDTH + 1;
    private static final int CLUSTERS = 12;
    private static final int POINTS = 4096; // of a block
    private static final int MOST_PASSES = 25;

    private KMeans() {}

    /**
     * Takes a file of points, the most host memory, a folder for changed blocks, and a file for the
     * points with their clusters.
     */
    public static void main(String[] args) {
        Blocks points = Blocks.ofFile(Path.of(args[0]), (long) POINTS * FLOATS * Float.BYTES);
        BlockStream.Builder builder =
                BlockStream.of(points)
                        .named("k-means")
                        .hostBudget(args[1])
                        .nvmeDir(Path.of(args[2]))
                        .writeBack()
                        .resume();
        try (BlockStream stream = builder.open()) {
            double[] centres = firstCentres();
            for (int i = 0; i < MOST_PASSES; i++) {
                PassResult pass = stream.pass(centres, KMeans::assign);
                double[] found = pass.sum();
                centres = centres(found, centres);
                System.out.printf(
                        Locale.ROOT,
                        "pass %d: %.0f points moved, %d blocks came%n",
                        i + 1,
                        found[found.length - 1],
                        pass.visited());
                if (found[found.length - 1] == 0) {
                    break;
                }
            }
            stream.writeTo(Path.of(args[3]));
        }
    }

    /** Gives every point of a block its nearest centre; sums, counts, and how many moved. */
    private static double[] assign(Block block) {
        double[] centres = block.input();
        double[] found = new double[CLUSTERS * FLOATS + 1];
        MemorySegment points = block.bytes();
        MemorySegment changed = null;
        for (long first = 0; first < block.size() / Float.BYTES; first += FLOATS) {
            int nearest = nearest(points, first, centres);
            if (points.getAtIndex(ValueLayout.JAVA_FLOAT, first + WIDTH) != nearest) {
                changed = changed == null ? block.change() : changed;
                changed.setAtIndex(ValueLayout.JAVA_FLOAT, first + WIDTH, nearest);
                found[found.length - 1]++;
            }
            for (int i = 0; i < WIDTH; i++) {
                found[nearest * FLOATS + i] += points.getAtIndex(ValueLayout.JAVA_FLOAT, first + i);
            }
            found[nearest * FLOATS + WIDTH]++;
        }
        return found;
    }

    private static int nearest(MemorySegment points, long first, double[] centres) {
        int best = 0;
        double least = Double.POSITIVE_INFINITY;
        for (int cluster = 0; cluster < CLUSTERS; cluster++) {
            double distance = 0;
            for (int i = 0; i < WIDTH; i++) {
                double apart =
                        points.getAtIndex(ValueLayout.JAVA_FLOAT, first + i)
                                - centres[cluster * WIDTH + i];
                distance += apart * apart;
            }
            if (distance < least) {
                least = distance;
                best = cluster;
            }
        }
        return best;
    }

    private static double[] firstCentres() {
        double[] centres = new double[CLUSTERS * WIDTH];
        for (int i = 0; i < centres.length; i++) {
            centres[i] = Math.sin(1 + i);
        }
        return centres;
    }

    /** The means of clusters; one without points stays where it was. */
    private static double[] centres(double[] found, double[] before) {
        double[] centres = before.clone();
        for (int cluster = 0; cluster < CLUSTERS; cluster++) {
            double count = found[cluster * FLOATS + WIDTH];
            for (int i = 0; i < WIDTH && count > 0; i++) {
                centres[cluster * WIDTH + i] = found[cluster * FLOATS + i] / count;
            }
        }
        return centres;
    }
}
