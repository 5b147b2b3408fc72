package io.millrace.optim;

import io.millrace.memory.BadInputException;
import java.util.Locale;

/** How a float32 parameter becomes a value of a 16-bit storage dtype. */
public enum Rounding {
    /** To the nearest value, ties to even. */
    NEAREST,
    /** Up or down with the probability that makes the mean exact. */
    STOCHASTIC;

    /** The name on the command line and in the journal, such as {@code nearest}. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * The rounding of a name.
     *
     * @throws BadInputException when no rounding has the name
     */
    public static Rounding named(String name) {
        for (Rounding rounding : values()) {
            if (rounding.id().equals(name)) {
                return rounding;
            }
        }
        throw new BadInputException(
                "--rounding",
                "unknown name '" + name + "'",
                "known names: " + NEAREST.id() + ", " + STOCHASTIC.id());
    }
}
