package io.millrace.executor.config;

import io.millrace.executor.config.data.Parallel;
import io.millrace.executor.config.data.SliceSharing;
import io.millrace.optim.mask.Masks;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * One tuning run.
 *
 * @param model Hugging Face folder of the base model
 * @param data which examples it sees
 * @param arithmetic what decides the bytes of the result
 * @param memory where the bytes may be
 * @param output what it leaves behind
 * @param parallel what of a step several workers divide
 * @param slices whether workers of one host read for each other
 */
public record TuneConfig(
        Path model,
        DataConfig data,
        ArithmeticConfig arithmetic,
        MemoryConfig memory,
        OutputConfig output,
        Parallel parallel,
        SliceSharing slices) {
    /** Hugging Face folder of the base model. */
    public static final Option<Path> MODEL =
            Option.named("model", OptionTypes.PATH)
                    .label("DIR")
                    .help(
                            "The base model: a Hugging Face folder, or owner/name on the hub; it is"
                                    + " only read.")
                    .build();

    /** Checks what the parts cannot see alone. */
    public TuneConfig {
        Check.that(
                output.evalEvery() == 0 || data.holdsOut(),
                OutputConfig.EVAL_EVERY,
                "there is nothing to evaluate on",
                "add --eval, --eval-split or --task");
        Check.that(
                arithmetic.isReplayable() || !output.keep().isBest(),
                OutputConfig.KEEP,
                arithmetic.optimizer() + "'s steps cannot be made again of a journal",
                "give a number of checkpoints to keep, or --keep last");
        Check.that(
                arithmetic.isReplayable() || memory.device().kind().onHostCores(),
                MemoryConfig.DEVICE,
                "a card has no way back for first-order methods",
                "give --device cpu, or a method that needs forward passes alone");
        Check.that(
                !arithmetic.mask().lacksFile(),
                Masks.KINDS.naming(),
                arithmetic.mask().name() + " needs the file of the elements",
                "give one with " + Masks.FILE.spelled() + ", as 'millrace sensitive' writes");
        Check.that(
                !model.toAbsolutePath()
                        .normalize()
                        .equals(output.out().toAbsolutePath().normalize()),
                OutputConfig.OUT,
                output.out() + " is the base model's folder",
                "give another folder");
    }

    /** A run with every default; the builder changes single options. */
    public static TuneConfigBuilder builder(Path model, Path train, Path out) {
        return builder(
                Settings.NONE
                        .with(MODEL, model)
                        .with(DataConfig.TRAIN, train)
                        .with(OutputConfig.OUT, out));
    }

    /**
     * A run as a person told it.
     *
     * @param told with a value for model, training data and output folder
     * @throws io.millrace.memory.BadInputException where it has an option that its methods have no
     *     use for
     */
    public static TuneConfigBuilder builder(Settings told) {
        return new TuneConfigBuilder().told(told);
    }

    /** A value for each option that the run has a use for, the usual ones included. */
    public Settings settings() {
        return Settings.NONE
                .with(MODEL, model)
                .with(data.settings())
                .with(arithmetic.settings())
                .with(memory.settings())
                .with(output.settings())
                .with(
                        Parallel.OPTION,
                        parallel == Parallel.AUTO ? Optional.empty() : Optional.of(parallel))
                .with(
                        SliceSharing.OPTION,
                        slices == SliceSharing.AUTO ? Optional.empty() : Optional.of(slices));
    }

    /** The same by their names: what a record of the run keeps. */
    public Map<String, Object> options() {
        return settings().toJson();
    }
}
