package io.millrace.optim.update;

import io.millrace.optim.direction.Direction;
import io.millrace.optim.estimate.Estimator;
import io.millrace.optim.estimate.StepRecord;
import java.util.List;
import java.util.Optional;

/**
 * Turns a step's scalars into a change of the parameters. A rule may keep a small state; feeding
 * the same records in the same order rebuilds it, which is how replay and resume work.
 */
public interface UpdateRule {
    /** The name on the command line and in the journal, such as {@code mezo-sgd}. */
    String name();

    /** Whether the rule has a meaning for a direction. */
    default boolean suits(Direction direction) {
        return true;
    }

    /**
     * What it keeps for every element, at most {@link ElementProgram#MOST_STATES}; with states its
     * updates are {@linkplain Update#program programs}.
     */
    default List<ElementState> states() {
        return List.of();
    }

    /** The tensors that it keeps them for; empty where it does for all that are trained. */
    default Optional<StatedTensors> stated() {
        return Optional.empty();
    }

    /** Whether its updates are programs over elements; always with states. */
    default boolean isElementwise() {
        return !states().isEmpty();
    }

    /** Iterations of Newton–Schulz that make {@link Update#orthogonal}; 0 where nothing does. */
    default int orthogonalIterations() {
        return 0;
    }

    /** Whether its updates carry {@link Update#momentum}. */
    default boolean hasMomentum() {
        return false;
    }

    /**
     * What a run has to say, such as {@code --queries 1}, for the rule to have a meaning for what
     * its steps ask; empty where it has one.
     */
    default Optional<String> needs(Estimator estimator) {
        return Optional.empty();
    }

    /** What takes the place of z where a query asks; empty where that is z itself. */
    default Optional<Shape> shape() {
        return Optional.empty();
    }

    /**
     * The scale of the perturbation in a step.
     *
     * @param step from 1
     * @param usual the run's
     */
    default double eps(long step, double usual) {
        return usual;
    }

    /** What a person should know of the values it was given; empty where there is nothing. */
    default Optional<String> warning() {
        return Optional.empty();
    }

    /** The update of the next step; records come in order of step, each once. */
    Update next(StepRecord record);
}
