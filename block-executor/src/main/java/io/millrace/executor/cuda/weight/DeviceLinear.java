package io.millrace.executor.cuda.weight;

import io.millrace.executor.cuda.kernel.DeviceMatrix;
import io.millrace.model.spec.LinearSpec;
import java.util.List;

/**
 * {@code y = x θ(s)ᵀ} for every scale s of a query. Biases are left to whoever touches y next.
 * Matrices are x [rows, inputs] and y [rows, outputs] for every scale.
 */
public interface DeviceLinear {
    /** Makes rows ready for operators that read them, until the next rows are. */
    DeviceGemm.Input input(DeviceWeights weights, List<LinearSpec> specs, DeviceMatrix x, int rows);

    /** Makes one operator's outputs, a panel of them and some rows at a time. */
    Product product(DeviceWeights weights, LinearSpec spec, DeviceGemm.Input input);

    /** The same for rows that no other operator reads. */
    default Product product(DeviceWeights weights, LinearSpec spec, DeviceMatrix x, int rows) {
        return product(weights, spec, input(weights, List.of(spec), x, rows));
    }

    /** Runs one operator, without its bias; with {@code accumulate} it is added to what y holds. */
    default void run(
            DeviceWeights weights,
            LinearSpec spec,
            DeviceMatrix x,
            DeviceMatrix y,
            int rows,
            boolean accumulate) {
        run(weights, spec, input(weights, List.of(spec), x, rows), y, accumulate);
    }

    /** The same on rows that were made ready. */
    default void run(
            DeviceWeights weights,
            LinearSpec spec,
            DeviceGemm.Input input,
            DeviceMatrix y,
            boolean accumulate) {
        try (Product product = product(weights, spec, input)) {
            int each = product.mostOutputs();
            for (int from = 0; from < spec.outputs(); from += each) {
                product.panel(from, Math.min(each, spec.outputs() - from));
                product.multiply(0, input.rows(), y.column(from), accumulate);
            }
        }
    }

    /** Runs operators on the same x, their outputs side by side in y, without their biases. */
    default void runSideBySide(
            DeviceWeights weights,
            List<LinearSpec> specs,
            DeviceMatrix x,
            DeviceMatrix y,
            int rows) {
        DeviceGemm.Input input = input(weights, specs, x, rows);
        int column = 0;
        for (LinearSpec spec : specs) {
            run(weights, spec, input, y.column(column), false);
            column += spec.outputs();
        }
    }

    /**
     * One operator on one x; the last panel asked for is the one that is multiplied. Panels follow
     * one another from the first output to the last, and begin anew where rows come in groups.
     */
    interface Product extends AutoCloseable {
        /** Outputs that a panel may have. */
        int mostOutputs();

        /** Takes some outputs: those that follow the last panel's. */
        void panel(int from, int outputs);

        /**
         * Multiplies some rows with the panel.
         *
         * @param row first row of x
         * @param rows how many
         * @param y where they go
         * @param accumulate whether to add to what y holds
         */
        void multiply(int row, int rows, DeviceMatrix y, boolean accumulate);

        /**
         * Ends it.
         *
         * @throws IllegalStateException when an output was in no panel
         */
        @Override
        void close();
    }
}
