package io.millrace.cli.option;

import java.util.OptionalLong;
import java.util.function.Consumer;

/** Options that were not given leave the configuration's default alone. */
public final class Given {
    private Given() {}

    static <T> void apply(T value, Consumer<T> setter) {
        if (value != null) {
            setter.accept(value);
        }
    }

    public static OptionalLong optional(Long value) {
        return value == null ? OptionalLong.empty() : OptionalLong.of(value);
    }
}
