package io.millrace.executor.schedule;

import io.millrace.model.program.Bottleneck;

/**
 * Where all that one scale makes of a bottleneck's tensors lies, in floats.
 *
 * @param down the way to the middle
 * @param up the way back
 * @param work two places in turn for products of cores
 * @param product floats of each of the two
 */
public record BottleneckPlaces(TrainPlaces down, TrainPlaces up, long work, long product) {
    /** Those of a bottleneck. */
    public static BottleneckPlaces of(Bottleneck op) {
        TrainPlaces down = new TrainPlaces(op.down(), 0);
        TrainPlaces up = new TrainPlaces(op.up(), down.end());
        return new BottleneckPlaces(
                down, up, up.end(), Math.max(down.longestProduct(), up.longestProduct()));
    }

    /** Floats of all of it. */
    public long floats() {
        return work + 2 * product;
    }
}
