package io.millrace.cli.option;

import java.util.OptionalLong;

/** Options that may not have been given. */
public final class Given {
    private Given() {}

    public static OptionalLong optional(Long value) {
        return value == null ? OptionalLong.empty() : OptionalLong.of(value);
    }
}
