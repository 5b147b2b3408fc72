package io.millrace.executor.config;

import io.millrace.executor.config.data.Parallel;
import io.millrace.optim.option.Option;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/** All options of a tuning run, group by group; the descriptions stand where they are used. */
public final class RunOptions {
    private RunOptions() {}

    /** Apart, since the groups' classes need this one while theirs are made. */
    private static final class Names {
        private static final Map<String, Option<?>> ALL = new LinkedHashMap<>();

        static {
            for (List<Option<?>> group : groups()) {
                for (Option<?> option : group) {
                    if (ALL.put(option.name(), option) != null) {
                        throw new IllegalStateException(option + " is two options");
                    }
                }
            }
        }
    }

    /** The groups, in the order of their fields in a journal, which is part of its bytes. */
    public static List<List<Option<?>>> groups() {
        return List.of(
                List.of(TuneConfig.MODEL, DataConfig.TRAIN, OutputConfig.OUT),
                DataConfig.OPTIONS,
                TaskConfig.OPTIONS,
                ArithmeticConfig.RATE,
                ArithmeticConfig.SCALE,
                ArithmeticConfig.STEP,
                MemoryConfig.OPTIONS,
                OutputConfig.OPTIONS,
                List.of(OutputConfig.METRICS_PORT),
                Parallel.OPTIONS);
    }

    /** All by their names. */
    public static Map<String, Option<?>> byName() {
        return Collections.unmodifiableMap(Names.ALL);
    }

    /** The option that a journal has under a field's name. */
    public static Optional<Option<?>> ofField(String field) {
        return byName().values().stream()
                .filter(option -> option.decidesBytes() && option.field().equals(field))
                .findFirst();
    }

    static List<Option<?>> joined(List<List<Option<?>>> groups) {
        return groups.stream().<Option<?>>flatMap(List::stream).toList();
    }

    static Optional<Integer> boxed(OptionalInt value) {
        return value.isPresent() ? Optional.of(value.getAsInt()) : Optional.empty();
    }

    static Optional<Long> boxed(OptionalLong value) {
        return value.isPresent() ? Optional.of(value.getAsLong()) : Optional.empty();
    }

    static OptionalInt optionalInt(Optional<Integer> value) {
        return value.map(OptionalInt::of).orElse(OptionalInt.empty());
    }

    static OptionalLong optionalLong(Optional<Long> value) {
        return value.map(OptionalLong::of).orElse(OptionalLong.empty());
    }
}
