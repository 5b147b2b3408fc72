package io.millrace.executor.config.recipe;

import io.millrace.optim.option.OptionType;
import java.util.ArrayList;
import java.util.List;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/**
 * A value of YAML. What stands there without quotes means what it means on the command line, so
 * that {@code 18GiB}, {@code auto} and {@code .5} need none; what is quoted is a text.
 *
 * @param node a scalar or a list
 */
record YamlValue(Node node) implements FieldValue {
    @Override
    public <T> T as(OptionType<T> type) {
        return switch (node) {
            case ScalarNode scalar when scalar.isPlain() -> plain(scalar, type);
            case ScalarNode scalar -> type.read().apply(scalar.getValue());
            case SequenceNode list -> list(list, type);
            default -> throw new IllegalArgumentException("is neither a value nor a list");
        };
    }

    private static <T> T plain(ScalarNode scalar, OptionType<T> type) {
        if (scalar.getTag().equals(Tag.NULL)) {
            throw new IllegalArgumentException("there is no value");
        }
        return OptionWords.read(type, scalar.getValue());
    }

    private static <T> T list(SequenceNode list, OptionType<T> type) {
        List<Object> texts = new ArrayList<>();
        List<Object> numbers = new ArrayList<>();
        for (Node item : list.getValue()) {
            if (!(item instanceof ScalarNode scalar)) {
                throw new IllegalArgumentException("a list in a list is not taken");
            }
            texts.add(scalar.getValue());
            numbers.add(number(scalar));
        }
        try {
            return type.read().apply(texts);
        } catch (IllegalArgumentException _) {
            return type.read()
                    .apply(numbers); // words may look like numbers, numbers not like words
        }
    }

    private static Object number(ScalarNode scalar) {
        try {
            return scalar.isPlain()
                    ? (Object) Double.valueOf(scalar.getValue())
                    : scalar.getValue();
        } catch (NumberFormatException _) {
            return scalar.getValue();
        }
    }
}
