package io.millrace.optim.direction;

import io.millrace.optim.Registry;
import java.util.Collection;
import java.util.List;

/** The directions by name. A new one is a line here. */
public final class Directions {
    private static final Registry<DirectionKind> REGISTRY =
            Registry.of(
                    "--perturbation",
                    List.of(
                            DirectionKind.of(GaussianDirection.NAME, _ -> new GaussianDirection()),
                            DirectionKind.of(
                                    RademacherDirection.NAME, _ -> new RademacherDirection()),
                            DirectionKind.of(LowRankDirection.NAME, LowRankDirection::of)),
                    DirectionKind.class,
                    DirectionKind::name);

    private Directions() {}

    /**
     * The direction of a name.
     *
     * @throws io.millrace.memory.BadInputException when no direction has the name
     */
    public static Direction named(String name, DirectionOptions options) {
        return REGISTRY.named(name).make(options);
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

    /** All of them, those of other jars too. */
    static Collection<DirectionKind> kinds() {
        return REGISTRY.all();
    }

    /** The names of all dense directions. */
    public static List<String> denseNames() {
        return REGISTRY.all().stream()
                .filter(kind -> kind.make(DirectionOptions.defaults(0)) instanceof DenseDirection)
                .map(DirectionKind::name)
                .toList();
    }
}
