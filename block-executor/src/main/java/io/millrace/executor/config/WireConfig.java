package io.millrace.executor.config;

import io.millrace.memory.BadInputException;
import io.millrace.model.quantize.QuantForm;
import io.millrace.model.quantize.QuantForms;
import io.millrace.model.quantize.QuantMatrix;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.util.List;
import java.util.Optional;

/**
 * The form in which a base moves that is stored in more bits: a copy of fewer is made of it once,
 * and read in its place.
 *
 * @param form of the matrices of layers
 * @param group elements of a row that share a scale
 */
public record WireConfig(QuantForm form, int group) {
    /** The form's name. */
    public static final Option<String> WIRE =
            Option.named("wire", OptionTypes.TEXT)
                    .label("F")
                    .help(
                            "Move the base in fewer bits: int8, fp8, int4 or nf4. A copy is made of"
                                    + " it once, in --nvme-dir, and an adapter is tuned beside"
                                    + " that; what is saved is an adapter of the base.")
                    .limit(
                            new Limit<>(
                                    name -> QuantForms.find(name).isPresent(),
                                    name -> "'" + name + "' is no form",
                                    "give one of " + String.join(", ", QuantForms.names())))
                    .decidesBytes()
                    .build();

    /** Elements that share a scale. */
    public static final Option<Integer> GROUP =
            Option.named("wire-group", OptionTypes.INTEGER)
                    .label("G")
                    .help("Elements of a row of --wire that share a scale.")
                    .usually("128, of nf4 64")
                    .limit(Limit.atLeast(1))
                    .decidesBytes()
                    .build();

    /** Both. */
    public static final List<Option<?>> OPTIONS = List.of(WIRE, GROUP);

    /** What a run was told; empty where its base moves as it is stored. */
    public static Optional<WireConfig> of(Settings settings) {
        return settings.find(WIRE)
                .flatMap(QuantForms::find)
                .map(form -> new WireConfig(form, settings.find(GROUP).orElse(form.usualGroup())));
    }

    /**
     * Checks that a matrix can move so.
     *
     * @throws BadInputException where it cannot
     */
    public void check(QuantMatrix matrix) {
        if (matrix.inputMajor()) {
            throw new BadInputException(
                    WIRE.spelled(),
                    "'" + matrix.tensor() + "' is stored input-major, which no copy is read as",
                    "leave it out");
        }
        if (!form.runsOn() && form.rowsOfScale(group) == 1 && matrix.inputs() % group != 0) {
            throw new BadInputException(
                    GROUP.spelled(),
                    group
                            + " does not divide the "
                            + matrix.inputs()
                            + " inputs of "
                            + matrix.tensor(),
                    "give one that does, such as " + Integer.lowestOneBit(matrix.inputs()));
        }
        form.check(matrix, group);
    }

    /** With the group that is usual, where none was told. */
    static Settings complete(Settings settings) {
        return of(settings).map(wire -> settings.with(GROUP, wire.group)).orElse(settings);
    }

    /**
     * Checks what no option can see alone.
     *
     * @throws BadInputException where a run cannot have it
     */
    static void check(Settings settings) {
        Check.that(
                settings.has(WIRE) || !settings.has(GROUP),
                GROUP,
                "nothing moves in groups without " + WIRE.spelled(),
                "leave it out");
        Check.that(
                !settings.has(WIRE) || TrainedTensors.kind(settings).isPresent(),
                WIRE,
                "the model's own tensors cannot be tuned in a copy of fewer bits",
                "tune an adapter beside it, such as --tune lora, or leave --wire out");
    }
}
