package io.millrace.optim.direction;

import java.util.function.Function;

/**
 * A kind of direction by its name. Those of other jars are found as services of this type, in
 * {@code META-INF/services}.
 */
public interface DirectionKind {
    /** The name on the command line and in the journal, such as {@code gaussian}. */
    String name();

    /** One for what a run says. */
    Direction make(DirectionOptions options);

    /** A kind out of a function. */
    static DirectionKind of(String name, Function<DirectionOptions, Direction> maker) {
        return new DirectionKind() {
            @Override
            public String name() {
                return name;
            }

            @Override
            public Direction make(DirectionOptions options) {
                return maker.apply(options);
            }
        };
    }
}
