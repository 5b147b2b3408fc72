package io.millrace.executor.config;

import io.millrace.memory.BadInputException;
import java.util.OptionalLong;

/** The checks that the records share; each names the option as a person types it. */
final class Check {
    private Check() {}

    static void that(boolean holds, String option, String what, String mend) {
        if (!holds) {
            throw new BadInputException(option, what, mend);
        }
    }

    static void atLeast(long least, long value, String option) {
        that(value >= least, option, value + " is too small", "give at least " + least);
    }

    static void finiteAtLeastZero(double value, String option) {
        that(
                Double.isFinite(value) && value >= 0,
                option,
                value + " is not a finite number of at least 0",
                "give a number such as 1e-6, or 0");
    }

    static void finitePositive(double value, String option) {
        that(
                Double.isFinite(value) && value > 0,
                option,
                value + " is not a finite number above 0",
                "give a number such as 1e-3");
    }

    /** A number that is one in float32, too, in which it is used. */
    static void floatPositive(double value, String option) {
        finitePositive(value, option);
        float used = (float) value;
        that(
                used > 0 && Float.isFinite(used),
                option,
                value + " is " + used + " in float32",
                "give a number such as 1e-3");
    }

    static void budget(OptionalLong bytes, String option) {
        that(
                bytes.isEmpty() || bytes.getAsLong() > 0,
                option,
                "a budget of no bytes holds nothing",
                "give a size such as 18GiB, or leave the option out");
    }
}
