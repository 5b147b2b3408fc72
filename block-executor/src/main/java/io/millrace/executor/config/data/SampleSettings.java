package io.millrace.executor.config.data;

import io.millrace.model.text.task.Sampling;
import io.millrace.model.text.task.known.Tasks;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/** A paper's task, and which rows of its data set are seen. */
public final class SampleSettings {
    /** Seeds of NumPy's generator have 32 bits. */
    private static final long GREATEST_SEED = (1L << 32) - 1;

    /** The task. */
    public static final Option<String> TASK =
            Option.named("task", OptionTypes.TEXT)
                    .label("NAME")
                    .help(
                            "A task of MeZO's paper over its data set's own files: prompt, label"
                                    + " words, what is scored, and the sample of rows. One of "
                                    + String.join(", ", Tasks.names())
                                    + ".")
                    .limit(
                            new Limit<>(
                                    Tasks.names()::contains,
                                    name -> "'" + name + "' is not a task",
                                    "give one of " + String.join(", ", Tasks.names())))
                    .build();

    /** Rows to tune on. */
    public static final Option<Integer> TRAIN =
            Option.named("sample-train", OptionTypes.INTEGER)
                    .label("N")
                    .help(
                            "With --task and no --eval: rows to tune on. Default: "
                                    + Sampling.TRAIN
                                    + ".")
                    .limit(Limit.atLeast(1))
                    .build();

    /** Rows held out. */
    public static final Option<Integer> DEV =
            Option.named("sample-dev", OptionTypes.INTEGER)
                    .label("N")
                    .help(
                            "With --task and no --eval: rows of the training part that are held"
                                    + " out. Default: 500, of CB and COPA 100.")
                    .limit(Limit.atLeast(1))
                    .build();

    /** Rows of each label. */
    public static final Option<Integer> SHOTS =
            Option.named("shots", OptionTypes.INTEGER)
                    .label("K")
                    .help(
                            "With --task and no --eval: K rows of each label to tune on and as many"
                                    + " held out. Default: "
                                    + Sampling.SHOTS
                                    + " for a masked language model.")
                    .limit(Limit.atLeast(1))
                    .build();

    /** Rows to evaluate on. */
    public static final Option<Integer> EVAL =
            Option.named("sample-eval", OptionTypes.INTEGER)
                    .label("N")
                    .help("With --task: rows that are evaluated on, 0 for all.")
                    .usual(Sampling.EVAL)
                    .limit(Limit.atLeast(0))
                    .build();

    /** Seed of the sample. */
    public static final Option<Long> SEED =
            Option.named("sample-seed", OptionTypes.COUNT)
                    .label("S")
                    .help(
                            "With --task: seed of the sample, as NumPy draws it. Default: 0, with"
                                    + " --shots 13.")
                    .limit(
                            new Limit<>(
                                    seed -> seed >= 0 && seed <= GREATEST_SEED,
                                    seed -> seed + " is no seed of 32 bits",
                                    "give a number from 0 to " + GREATEST_SEED))
                    .build();

    /** All of them. */
    public static final List<Option<?>> OPTIONS = List.of(TASK, TRAIN, DEV, SHOTS, EVAL, SEED);

    private SampleSettings() {}

    /** What settings say of the sample. */
    public static Sampling of(Settings settings) {
        return new Sampling(
                boxed(settings.find(TRAIN)),
                boxed(settings.find(DEV)),
                settings.get(EVAL),
                boxed(settings.find(SHOTS)),
                settings.find(SEED).map(OptionalLong::of).orElse(OptionalLong.empty()));
    }

    private static OptionalInt boxed(Optional<Integer> value) {
        return value.map(OptionalInt::of).orElse(OptionalInt.empty());
    }
}
