package io.millrace.executor.config;

import io.millrace.executor.config.data.RowSettings;
import io.millrace.executor.config.data.SampleSettings;
import io.millrace.model.text.option.RowOptions;
import io.millrace.model.text.task.Sampling;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * How an example becomes tokens.
 *
 * @param settings a value for each of {@link #OPTIONS} that has one
 */
public record TaskConfig(Settings settings) {
    private static final String WORD_EACH =
            "give a word for each label, such as \" terrible, great\"";

    /** Prompt of labelled examples, with {@code {text}} where a line's text goes. */
    public static final Option<String> TEMPLATE =
            Option.named("template", OptionTypes.TEXT)
                    .label("TEXT")
                    .help(
                            "Prompt of labelled examples; {text} is where a line's text goes, and so for"
                                    + " its other string fields; {mask} is where a masked language"
                                    + " model's label word goes.")
                    .build();

    /** What stands for label 0, 1, …, exactly as it follows the prompt. */
    public static final Option<List<String>> LABEL_WORDS =
            Option.named("label-words", OptionTypes.WORDS)
                    .label("A,B")
                    .help(
                            "Word of label 0, 1, ..., exactly as it follows the prompt: \" terrible,"
                                    + " great\". Given several times, each is one word, commas and all.")
                    .limit(
                            new Limit<>(
                                    words -> words.size() > 1,
                                    _ -> "one word cannot tell labels apart",
                                    WORD_EACH))
                    .limit(
                            new Limit<>(
                                    words -> words.stream().noneMatch(String::isEmpty),
                                    _ -> "a word is empty",
                                    WORD_EACH))
                    .limit(
                            new Limit<>(
                                    words -> new HashSet<>(words).size() == words.size(),
                                    _ -> "two labels share a word",
                                    "give each label its own word"))
                    .build();

    /** Longest sequence in tokens. */
    public static final Option<Integer> SEQ_LEN =
            Option.named("seq-len", OptionTypes.INTEGER)
                    .label("T")
                    .help("Longest sequence in tokens.")
                    .usually("the model's limit")
                    .limit(Limit.atLeast(2))
                    .build();

    /** Whether running text fills whole sequences. */
    public static final Option<Boolean> PACK =
            Option.named("pack", OptionTypes.FLAG)
                    .help(
                            "Running text: each line is an example, instead of joining lines to fill"
                                    + " sequences.")
                    .usualUnsaid(true)
                    .build();

    /** All of them. */
    public static final List<Option<?>> OPTIONS =
            RunOptions.joined(
                    List.of(
                            List.of(TEMPLATE, LABEL_WORDS, SEQ_LEN, PACK),
                            RowSettings.OPTIONS,
                            SampleSettings.OPTIONS));

    /** No template, the model's sequence length, packed. */
    public static final TaskConfig DEFAULT = new TaskConfig(Settings.NONE);

    /** Fills in what is as usual. */
    public TaskConfig {
        settings = settings.complete(OPTIONS);
        if (settings.has(SampleSettings.TASK)) {
            for (Option<?> option : List.of(TEMPLATE, LABEL_WORDS)) {
                Check.that(
                        !settings.has(option),
                        option,
                        "is given with --task, which brings its own",
                        "leave one of them out");
            }
        } else {
            for (Option<?> option : SampleSettings.OPTIONS) {
                Check.that(
                        !settings.has(option) || option.equals(SampleSettings.EVAL),
                        option,
                        "is given without --task",
                        "add --task, or leave it out");
            }
        }
    }

    /**
     * The values one by one.
     *
     * @param template the text alone where empty
     * @param labelWords none where examples have no labels
     * @param seqLen the model's own limit where empty
     * @param pack whether running text fills whole sequences
     */
    public TaskConfig(
            Optional<String> template, List<String> labelWords, OptionalInt seqLen, boolean pack) {
        this(
                Settings.NONE
                        .with(TEMPLATE, template)
                        .with(LABEL_WORDS, nonEmpty(labelWords))
                        .with(SEQ_LEN, RunOptions.boxed(seqLen))
                        .with(PACK, pack));
    }

    private static Optional<List<String>> nonEmpty(List<String> words) {
        return words.isEmpty() ? Optional.empty() : Optional.of(List.copyOf(words));
    }

    /**
     * Checks a sequence length as far as it can be without a model.
     *
     * @throws io.millrace.memory.BadInputException where no run could have it
     */
    public static void checkLength(OptionalInt seqLen) {
        seqLen.ifPresent(SEQ_LEN::require);
    }

    public Optional<String> template() {
        return settings.find(TEMPLATE);
    }

    public List<String> labelWords() {
        return settings.find(LABEL_WORDS).orElse(List.of());
    }

    /** What the data calls the labels, in their order; empty where they are numbers. */
    public List<String> labelNames() {
        return settings.find(RowSettings.LABEL_NAMES).orElse(List.of());
    }

    /** How rows of files are taken. */
    public RowOptions rows() {
        return RowSettings.of(settings);
    }

    /** The name of a paper's task, if it is one. */
    public Optional<String> task() {
        return settings.find(SampleSettings.TASK);
    }

    /** Which rows of a task are seen. */
    public Sampling sampling() {
        return SampleSettings.of(settings);
    }

    /** Whether rows are to be drawn of a training part that an evaluation file stands beside. */
    public boolean draws() {
        return settings.has(SampleSettings.TRAIN)
                || settings.has(SampleSettings.DEV)
                || settings.has(SampleSettings.SHOTS);
    }

    public OptionalInt seqLen() {
        return RunOptions.optionalInt(settings.find(SEQ_LEN));
    }

    public boolean pack() {
        return settings.get(PACK);
    }
}
