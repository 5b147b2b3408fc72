package io.millrace.executor.cpu.weight;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Variants;
import io.millrace.model.spec.LinearSpec;
import java.util.List;

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

    /** A product that is ready to be made, until the same program is asked for the next. */
    @FunctionalInterface
    interface Product {
        /** Makes it. */
        void make();

        /**
         * Makes this one and those of other runs with the same matrix; nothing of one is seen by
         * another, so that the bits are those of each made alone.
         *
         * @param all this and the others, of one kind
         */
        default void makeWith(List<? extends Product> all) {
            all.forEach(Product::make);
        }
    }

    /** What {@link #run} makes, when it is made. */
    default Product product(
            FormedWeights weights,
            LinearSpec spec,
            Variants x,
            Variants y,
            int rows,
            boolean accumulate) {
        return () -> run(weights, spec, x, y, rows, accumulate);
    }

    /** What {@link #runInPanels} makes, when it is made. */
    default Product productInPanels(
            FormedWeights weights, LinearSpec spec, Variants x, int rows, TileConsumer consumer) {
        return () -> runInPanels(weights, spec, x, rows, consumer);
    }

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
