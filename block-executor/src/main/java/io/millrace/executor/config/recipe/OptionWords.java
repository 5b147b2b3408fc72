package io.millrace.executor.config.recipe;

import io.millrace.memory.BadInputException;
import io.millrace.optim.option.OptionType;
import java.util.List;
import java.util.Map;

/** Options as words of the command line: {@code lr=1e-6}. */
public final class OptionWords {
    private static final Map<String, Boolean> TRUTHS = Map.of("true", true, "false", false);

    private OptionWords() {}

    /** A value as the command line would have it. */
    private record Word(String text) implements FieldValue {
        @Override
        public <T> T as(OptionType<T> type) {
            return read(type, text);
        }
    }

    /**
     * An option and its value.
     *
     * @param option whose words these are, for messages
     * @throws BadInputException where there is no value
     */
    public static RecipeField field(String option, String text) {
        int at = text.indexOf('=');
        if (at <= 0) {
            throw new BadInputException(
                    option, "'" + text + "' gives no value to a name", "give such as lr=1e-6");
        }
        return new RecipeField(
                option,
                RecipeField.Form.WORD,
                text.substring(0, at),
                new Word(text.substring(at + 1)));
    }

    /** One word; a flag, which has none on the command line, takes true or false. */
    static <T> T read(OptionType<T> type, String text) {
        return switch (type.form()) {
            case VALUE, LIST -> type.parse().apply(List.of(text));
            case FLAG -> type.read().apply(TRUTHS.containsKey(text) ? TRUTHS.get(text) : text);
        };
    }
}
