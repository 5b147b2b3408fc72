package io.millrace.optim.option;

import java.util.List;
import java.util.function.BiFunction;

/**
 * What a name on the command line stands for, with the options that are its own: they appear on the
 * command line, in the journal and wherever else options do.
 *
 * @param <T> what it makes
 */
public interface Kind<T> {
    /** The name on the command line and in the journal, such as {@code gaussian}. */
    String name();

    /** The options that it goes by; each {@linkplain Option#decidesBytes() decides bytes}. */
    default List<Option<?>> options() {
        return List.of();
    }

    /**
     * One for a run.
     *
     * @param values what the run says of {@link #options()}
     * @param runSeed the seed that makes the steps' seeds
     */
    T make(Settings values, long runSeed);

    /** A kind out of a function. */
    static <T> Kind<T> of(
            String name, List<Option<?>> options, BiFunction<Settings, Long, T> maker) {
        return new Kind<>() {
            @Override
            public String name() {
                return name;
            }

            @Override
            public List<Option<?>> options() {
                return options;
            }

            @Override
            public T make(Settings values, long runSeed) {
                return maker.apply(values, runSeed);
            }
        };
    }
}
