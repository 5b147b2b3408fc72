package io.millrace.optim.gradient;

import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.estimate.Estimator;
import io.millrace.optim.estimate.GradientEstimator;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.update.Decay;
import io.millrace.optim.update.Update;
import io.millrace.optim.update.UpdateRule;
import java.util.List;
import java.util.Optional;

/**
 * An update rule that needs the gradient itself. Its steps cannot be made again from a journal:
 * what a step's record says changes nothing.
 */
public interface GradientRule extends UpdateRule {
    /** What it keeps of each trained tensor, in order. */
    List<TensorState> kept();

    /** Whether tiles have to be whole rows of matrices. */
    default boolean wantsRows() {
        return false;
    }

    /**
     * Whether its steps {@linkplain TensorStep#begin begin} with a look at all of a tensor. What
     * such a rule keeps is not widened for tiles, but read and stored by its steps.
     */
    default boolean wantsWhole() {
        return false;
    }

    /** Floats that a step needs beside a tensor of a shape while it works on it. */
    default long workFloats(List<Long> shape) {
        return 0;
    }

    /** Elements of a tile of whole rows, of which one has at least a row. */
    default int rowsElements() {
        return 1 << 14;
    }

    /** Tiles begin at multiples of so many elements, and end there or with the tensor. */
    default int tileElements() {
        return 1;
    }

    /** What a step does to a tensor. One is made for each tensor and step. */
    TensorStep step(TensorTurn turn);

    @Override
    default boolean suits(Direction direction) {
        return direction instanceof DenseDirection;
    }

    @Override
    default Optional<String> needs(Estimator estimator) {
        return estimator instanceof GradientEstimator
                ? Optional.empty()
                : Optional.of("--estimator " + GradientEstimator.NAME);
    }

    @Override
    default Update next(StepRecord record) {
        return new Update(record.step(), record.seed(), Decay.NONE, List.of());
    }
}
