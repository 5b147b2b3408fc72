package io.millrace.prefetch.plan;

import io.millrace.memory.DType;
import java.util.Map;

/**
 * What low-rank directions cost beside their products, all workers together.
 *
 * @param factorSeconds an element of a thin factor, made and put in its place
 * @param projectSeconds an input of a row, multiplied with two columns of a factor
 * @param addSeconds an output of a row, to which two terms are added
 * @param termSeconds an element of a matrix, to which one term is added
 * @param directSeconds a byte of a matrix that products read where it lies, beside the product
 * @param readSeconds an element of that dtype, widened for a product
 */
public record ThinRates(
        double factorSeconds,
        double projectSeconds,
        double addSeconds,
        double termSeconds,
        double directSeconds,
        Map<DType, Double> readSeconds) {
    private static final int PAIR = 2; // columns of a factor that a pass takes

    /** Freezes the map. */
    public ThinRates {
        readSeconds = Map.copyOf(readSeconds);
    }

    double seconds(Operation.Side side) {
        double each = side.inputs() * projectSeconds + side.outputs() * addSeconds;
        return each * side.rows() * Math.ceilDiv(side.rank(), PAIR) * side.times();
    }

    double seconds(Operation.Stored stored) {
        double each =
                stored.direct()
                        ? stored.dtype().sizeBytes() * directSeconds
                        : readSeconds.getOrDefault(stored.dtype(), 0.0);
        return stored.elements() * each;
    }
}
