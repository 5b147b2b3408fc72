package io.millrace.executor.cpu.param;

import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.estimate.Query;
import java.util.List;
import java.util.Optional;

/**
 * A matrix [m, n] whose directions are pairs of factors of a query's own.
 *
 * @param direction makes them
 * @param tensorId the matrix's index among the sorted trainable names
 * @param rows m
 * @param columns n
 */
public record PairMatrix(FactoredDirection direction, int tensorId, long rows, long columns) {
    /** r of it. */
    public int rank() {
        return direction.rank(rows, columns);
    }

    /** κ of it. */
    float scale() {
        return direction.scale(rows, columns);
    }

    /** The left side of what queries add to it. */
    public LeftSide side(List<Query> queries) {
        return new LeftSide(
                direction,
                tensorId,
                rank(),
                scale(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                queries);
    }
}
