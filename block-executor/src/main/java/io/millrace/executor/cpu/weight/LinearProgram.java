package io.millrace.executor.cpu.weight;

import io.millrace.executor.step.Floats;
import io.millrace.executor.step.MicroBatch;
import io.millrace.executor.step.Variants;
import io.millrace.model.spec.LinearSpec;

/** {@code y = x θ(s)ᵀ + b(s)} for every scale s of a query. */
public interface LinearProgram {
    /**
     * Runs one operator. Rows are padded to {@link MicroBatch#ROW_QUANTUM}, which both matrices
     * have room for.
     *
     * @param weights the block's weights as the query wants them
     * @param spec the operator
     * @param x [rows, inputs] for every scale
     * @param y [rows, outputs] for every scale
     * @param rows number of rows
     * @param accumulate whether to add to what y holds
     */
    void run(
            FormedWeights weights,
            LinearSpec spec,
            Variants x,
            Variants y,
            int rows,
            boolean accumulate);

    /**
     * Runs one operator whose result is used up tile by tile.
     *
     * @param weights the block's weights as the query wants them
     * @param spec the operator; without a bias
     * @param x [rows, inputs] for every scale
     * @param rows number of rows
     * @param consumer takes the tiles
     */
    void runInPanels(
            FormedWeights weights, LinearSpec spec, Variants x, int rows, TileConsumer consumer);

    /** Takes one tile of a product that never exists whole. */
    @FunctionalInterface
    interface TileConsumer {
        /**
         * Takes a tile, on the thread of the worker that made it.
         *
         * @param scale index of the scale
         * @param row first row
         * @param rowCount rows, padding included
         * @param panel which panel of columns
         * @param column first column
         * @param width columns, and the tile's row stride
         * @param tile the tile's memory, valid during the call
         */
        void accept(
                int scale, int row, int rowCount, int panel, int column, int width, Floats tile);
    }
}
