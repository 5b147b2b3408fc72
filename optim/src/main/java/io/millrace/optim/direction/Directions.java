package io.millrace.optim.direction;

import io.millrace.optim.Registry;
import java.util.Map;
import java.util.function.Function;

/** The directions by name. A new one is a line here. */
public final class Directions {
    private static final Registry<Function<DirectionOptions, Direction>> REGISTRY =
            new Registry<>(
                    "--perturbation",
                    Map.of(
                            GaussianDirection.NAME, options -> new GaussianDirection(),
                            RademacherDirection.NAME, options -> new RademacherDirection(),
                            LowRankDirection.NAME, LowRankDirection::of));

    private Directions() {}

    /**
     * The direction of a name.
     *
     * @throws io.millrace.memory.BadInputException when no direction has the name
     */
    public static Direction named(String name, DirectionOptions options) {
        return REGISTRY.named(name).apply(options);
    }

    /**
     * The direction of a name that is known to be dense.
     *
     * @throws IllegalArgumentException when it is another
     */
    public static DenseDirection dense(String name) {
        if (named(name, DirectionOptions.defaults(0)) instanceof DenseDirection direction) {
            return direction;
        }
        throw new IllegalArgumentException(name + " is not dense");
    }
}
