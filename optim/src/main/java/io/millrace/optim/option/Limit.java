package io.millrace.optim.option;

import io.millrace.memory.BadInputException;
import io.millrace.optim.Registry;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * What the value of an option has to be beside being of its type.
 *
 * @param holds whether a value is
 * @param fault what is wrong with one that is not
 * @param mend what to give instead
 */
public record Limit<T>(Predicate<T> holds, Function<T, String> fault, String mend) {
    /** A whole number that is not below another. */
    public static Limit<Number> atLeast(long least) {
        return new Limit<>(
                value -> value.longValue() >= least,
                value -> value + " is too small",
                "give at least " + least);
    }

    /** A rate: finite, and not below 0. */
    public static Limit<Double> finiteAtLeastZero() {
        return new Limit<>(
                value -> Double.isFinite(value) && value >= 0,
                value -> value + " is not a finite number of at least 0",
                "give a number such as 1e-6, or 0");
    }

    /** Finite and above 0. */
    public static Limit<Double> finitePositive() {
        return new Limit<>(
                value -> Double.isFinite(value) && value > 0,
                value -> value + " is not a finite number above 0",
                "give a number such as 1e-3");
    }

    /**
     * A share that is not all.
     *
     * @param usual one that may be
     */
    public static Limit<Double> belowOne(double usual) {
        return new Limit<>(
                value -> value >= 0 && value < 1,
                value -> value + " is not a number of at least 0 and below 1",
                "give a number such as " + usual);
    }

    /** A number that is finite and above 0 in float32, too, in which it is used. */
    public static Limit<Double> positiveInFloat32() {
        return new Limit<>(
                value -> value.floatValue() > 0 && Float.isFinite(value.floatValue()),
                value -> value + " is " + value.floatValue() + " in float32",
                "give a number such as 1e-3");
    }

    /** A name that a registry knows. */
    public static Limit<String> knownTo(Registry<?> registry) {
        return new Limit<>(
                registry::knows,
                name -> "unknown name '" + name + "'",
                "known names: " + registry.names());
    }

    /**
     * Holds a value to the limit.
     *
     * @param value the value
     * @param place where it stands, for the message
     * @throws BadInputException where it is beyond it
     */
    public void require(T value, String place) {
        if (!holds.test(value)) {
            throw new BadInputException(place, fault.apply(value), mend);
        }
    }
}
