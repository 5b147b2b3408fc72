package io.millrace.executor.config;

import java.util.Locale;

/** Enum constants as the command line and the files spell them. */
public final class OptionNames {
    private OptionNames() {}

    /** The spelling of a constant, such as {@code accuracy} for {@code ACCURACY}. */
    public static String of(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
