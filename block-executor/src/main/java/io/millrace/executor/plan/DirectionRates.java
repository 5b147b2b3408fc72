package io.millrace.executor.plan;

import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.direction.GaussianDirection;
import io.millrace.optim.direction.MaskedDirection;
import io.millrace.prefetch.plan.ComputeRates;

/** Which of a machine's rates a direction is reckoned with. */
final class DirectionRates {
    private DirectionRates() {}

    /** The name of the dense z that tensors are formed with. */
    static String dense(Direction direction) {
        return switch (direction) {
            case DenseDirection dense -> dense.name();
            case MaskedDirection masked -> masked.name();
            case FactoredDirection _ -> GaussianDirection.NAME; // of what is no matrix
        };
    }

    /** Whether a machine has all of them. */
    static boolean known(ComputeRates rates, Direction direction) {
        return rates.knows(dense(direction))
                && (!(direction instanceof FactoredDirection) || rates.forms().thin().isPresent());
    }
}
