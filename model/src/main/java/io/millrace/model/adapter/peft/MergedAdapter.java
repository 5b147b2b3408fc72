package io.millrace.model.adapter.peft;

import java.util.List;

/**
 * What a merge made.
 *
 * @param matrices each changed matrix, sorted by module
 * @param bytes of all weights that were written
 */
public record MergedAdapter(List<Matrix> matrices, long bytes) {
    /** Freezes the list. */
    public MergedAdapter {
        matrices = List.copyOf(matrices);
    }

    /** What is done to a matrix that has scales and no factors. */
    static final Product SCALES = new Product(0, 1);

    /**
     * The thin factors of a change.
     *
     * @param rank of the factors; 0 where rows or columns are scaled
     * @param scale what B A was multiplied by
     */
    public record Product(int rank, double scale) {}

    /**
     * One changed matrix.
     *
     * @param module path of the module that holds it
     * @param tensor its name in the checkpoint
     * @param shape as the checkpoint stores it
     * @param product what was added
     * @param dtype what it is stored as, such as {@code BF16}
     */
    public record Matrix(
            String module, String tensor, List<Long> shape, Product product, String dtype) {
        /** Freezes the shape. */
        public Matrix {
            shape = List.copyOf(shape);
        }

        /** One of a base that is not known yet. */
        Matrix(String module, String tensor, List<Long> shape, Product product) {
            this(module, tensor, shape, product, "");
        }

        Matrix in(String format) {
            return new Matrix(module, tensor, shape, product, format);
        }
    }
}
