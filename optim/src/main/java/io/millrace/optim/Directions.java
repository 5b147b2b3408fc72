package io.millrace.optim;

import java.util.Map;

/** The dense directions by name. A new one is a line here. */
public final class Directions {
    private static final Registry<DenseDirection> REGISTRY =
            new Registry<>(
                    "--perturbation",
                    Map.of(
                            GaussianDirection.NAME, GaussianDirection::new,
                            RademacherDirection.NAME, RademacherDirection::new));

    private Directions() {}

    /**
     * The direction of a name.
     *
     * @throws io.millrace.memory.BadInputException when no direction has the name
     */
    public static DenseDirection named(String name) {
        return REGISTRY.named(name);
    }
}
