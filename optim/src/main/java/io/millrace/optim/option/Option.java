package io.millrace.optim.option;

import io.millrace.memory.BadInputException;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.BiPredicate;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * What a run may be told, described once. Whatever reads or writes an option goes by its
 * description: the command line and its help, a recipe, {@code run.json}, the journal's header, the
 * check before a run goes on. An option is the same as itself only.
 */
public final class Option<T> {
    private static final double PLAIN_FROM = 0.01; // smaller numbers are read by their exponent

    private final String name;
    private final OptionType<T> type;
    private final String label;
    private final String help;
    private final Optional<T> usual;
    private final List<Limit<? super T>> limits;
    private final Optional<Field<T>> field;
    private final List<String> choices;

    private Option(Builder<T> builder) {
        name = builder.name;
        type = builder.type;
        label = builder.label;
        help = builder.help + builder.usually;
        usual = Optional.ofNullable(builder.usual);
        limits = List.copyOf(builder.limits);
        field = Optional.ofNullable(builder.field);
        choices = builder.choices.isEmpty() ? choices(label) : builder.choices;
    }

    /** What the journal's header says of an option. */
    private record Field<T>(
            String name, Function<T, Object> said, BiPredicate<Settings, T> where, When when) {}

    /** Which runs' journals have a field. */
    private enum When {
        ALWAYS,
        SOMETIMES,
        UNLESS_USUAL
    }

    /** Begins a description; the name is that of the command line, without dashes. */
    public static <T> Builder<T> named(String name, OptionType<T> type) {
        return new Builder<>(name, type);
    }

    /** The name without dashes, as files have it: {@code lr}, {@code shuffle}. */
    public String name() {
        return name;
    }

    /** As a person types it: {@code --lr}, {@code --no-shuffle}. */
    public String spelled() {
        return (isSwitchedOff() ? "--no-" : "--") + name;
    }

    /** How values are read and written. */
    public OptionType<T> type() {
        return type;
    }

    /** What stands for the value in the help; empty for a flag. */
    public String label() {
        return label;
    }

    /** What the help says, the usual value included. */
    public String help() {
        return help;
    }

    /** Words that a value may be, for who completes a command line; empty where any may. */
    public List<String> choices() {
        return choices;
    }

    private static List<String> choices(String label) {
        return label.contains("|")
                ? Arrays.stream(label.split("\\|"))
                        .filter(word -> word.equals(word.toLowerCase(Locale.ROOT)))
                        .toList()
                : List.of();
    }

    /** The value of a run that is not told one. */
    public Optional<T> usual() {
        return usual;
    }

    /** Whether the result's bytes depend on it: the journal says it, and it stays. */
    public boolean decidesBytes() {
        return field.isPresent();
    }

    /**
     * The journal's name for it.
     *
     * @throws java.util.NoSuchElementException where it decides no bytes
     */
    public String field() {
        return field.orElseThrow().name;
    }

    /** Whether every journal of a run that has the option says it. */
    public boolean isAlwaysSaid() {
        return field.isPresent() && field.get().when == When.ALWAYS;
    }

    /** What a run's journal says of it; empty where it says nothing. */
    public Optional<Object> said(Settings settings) {
        return field.flatMap(there ->
                settings.find(this)
                        .filter(value -> there.where.test(settings, value))
                        .map(there.said));
    }

    /** What is meant by a journal that says nothing of it, where that means anything. */
    public Optional<Object> meantBySilence() {
        return field.filter(there -> there.when == When.UNLESS_USUAL)
                .flatMap(there -> usual.map(there.said));
    }

    /** What to do on the command line to have what a journal says. */
    public String mend(Object said) {
        if (type.form() == OptionType.Form.FLAG) {
            boolean asUsual = usual.isPresent() && usual.get().equals(said);
            return asUsual ? "leave " + spelled() + " out" : "add " + spelled();
        }
        if (type.equals(OptionTypes.PATH)) {
            return "give the " + spelled() + " that the run began with"; // it says what, not where
        }
        return "give " + spelled() + " " + said;
    }

    /**
     * The value that texts stand for, as the command line has them; limits are not looked at.
     *
     * @throws BadInputException where they stand for none
     */
    public T parse(List<String> texts) {
        try {
            return type.parse().apply(texts);
        } catch (IllegalArgumentException e) {
            throw new BadInputException(spelled(), e.getMessage(), "give " + label);
        }
    }

    /** Holds a value of the command line to the limits. */
    public T require(T value) {
        return require(value, spelled());
    }

    /**
     * Holds a value to the limits.
     *
     * @param place where the value stands, for the message
     * @throws io.millrace.memory.BadInputException where it is beyond one
     */
    public T require(T value, String place) {
        limits.forEach(limit -> limit.require(value, place));
        return value;
    }

    /** A word for a flag's other state: {@code --no-shuffle} where shuffling is the usual. */
    private boolean isSwitchedOff() {
        return type.form() == OptionType.Form.FLAG && usual.orElseThrow().equals(true);
    }

    @Override
    public String toString() {
        return spelled();
    }

    /** A description under way. */
    public static final class Builder<T> {
        private final String name;
        private final OptionType<T> type;
        private final List<Limit<? super T>> limits = new ArrayList<>();
        private String label = "";
        private String help = "";
        private String usually = "";
        private T usual;
        private Field<T> field;
        private List<String> choices = List.of();

        private Builder(String name, OptionType<T> type) {
            this.name = name;
            this.type = type;
        }

        String name() {
            return name;
        }

        /** What stands for the value in the help. */
        public Builder<T> label(String text) {
            label = text;
            return this;
        }

        /** Words that a value may be; those that the label has between bars need not be told. */
        public Builder<T> choices(List<String> words) {
            choices = List.copyOf(words);
            return this;
        }

        /** A sentence or two, without the usual value. */
        public Builder<T> help(String text) {
            help = text;
            return this;
        }

        /** The value of a run that is not told one; the help says it. */
        public Builder<T> usual(T value) {
            usual = value;
            return usually(shown(type.json().apply(value)));
        }

        /** The same where the help need not say it, or says it in its own words. */
        public Builder<T> usualUnsaid(T value) {
            usual = value;
            return this;
        }

        /** What the help says where the usual value depends on others. */
        public Builder<T> usually(String what) {
            usually = " Default: " + what + ".";
            return this;
        }

        /** Adds a limit; they are tried in this order. */
        public Builder<T> limit(Limit<? super T> limit) {
            limits.add(limit);
            return this;
        }

        /** The bytes of the result depend on it; the journal has it under its name. */
        public Builder<T> decidesBytes() {
            return decidesBytes(name.replace('-', '_'));
        }

        /** The bytes of the result depend on it; the journal has it under another name. */
        public Builder<T> decidesBytes(String fieldName) {
            return decidesBytes(fieldName, type.json());
        }

        /** The bytes of the result depend on something of it, which is what the journal says. */
        public Builder<T> decidesBytes(String fieldName, Function<T, Object> said) {
            field = new Field<>(fieldName, said, (_, _) -> true, When.ALWAYS);
            return this;
        }

        /** Journals say it of some runs only; to be called after {@code decidesBytes}. */
        public Builder<T> saidWhere(Predicate<Settings> where) {
            field =
                    new Field<>(
                            field.name, field.said, (run, _) -> where.test(run), When.SOMETIMES);
            return this;
        }

        /** Journals say only what is not the usual; to be called after both were told. */
        public Builder<T> saidUnlessUsual() {
            T common = usual;
            field =
                    new Field<>(
                            field.name,
                            field.said,
                            (_, value) -> !value.equals(common),
                            When.UNLESS_USUAL);
            return this;
        }

        /** The description. */
        public Option<T> build() {
            return new Option<>(this);
        }

        private static String shown(Object json) {
            if (!(json instanceof Double value)) {
                return String.valueOf(json);
            }
            BigDecimal number = BigDecimal.valueOf(value).stripTrailingZeros();
            if (value == 0 || Math.abs(value) >= PLAIN_FROM) {
                return number.toPlainString();
            }
            int exponent = number.precision() - number.scale() - 1;
            return number.movePointLeft(exponent).toPlainString() + "e" + exponent;
        }
    }
}
