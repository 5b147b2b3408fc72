package io.millrace.optim.update;

import java.util.Optional;

/**
 * What a rule makes of z before a query sees it: z' is a function of z, the parameter and the
 * rule's states, all as they are at the start of the step.
 */
@FunctionalInterface
public interface Shape {
    /** Where z' is once the program is done. */
    int RESULT = ElementProgram.scratch(0);

    /**
     * The program of a query, which makes z of its seed and leaves the parameter and states; empty
     * where that is z itself.
     *
     * @param step that asks, from 1
     * @param seed the query's
     */
    Optional<ElementProgram> of(long step, long seed);
}
