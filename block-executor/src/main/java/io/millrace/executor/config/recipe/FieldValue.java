package io.millrace.executor.config.recipe;

import io.millrace.optim.option.OptionType;

/** What a recipe has for an option. */
public interface FieldValue {
    /**
     * The value, of the type that its option has.
     *
     * @throws IllegalArgumentException where it is none, with what it is not
     */
    <T> T as(OptionType<T> type);
}
