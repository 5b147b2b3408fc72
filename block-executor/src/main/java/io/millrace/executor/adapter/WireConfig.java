package io.millrace.executor.adapter;

import io.millrace.memory.BadInputException;
import io.millrace.model.ModelLayout;
import io.millrace.model.program.ModelProgram;
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

    private static final QuantForm.Asked ASKED =
            new QuantForm.Asked(WIRE.spelled(), GROUP.spelled());

    /** What a run was told; empty where its base moves as it is stored. */
    public static Optional<WireConfig> of(Settings settings) {
        return settings.find(WIRE)
                .flatMap(QuantForms::find)
                .map(form -> new WireConfig(form, settings.find(GROUP).orElse(form.usualGroup())));
    }

    /**
     * The matrices that move so.
     *
     * @param name of the model, for a refusal
     * @throws BadInputException where they are quantised already, or one cannot move so
     */
    public List<QuantMatrix> matrices(ModelProgram program, ModelLayout layout, String name) {
        List<QuantMatrix> matrices = QuantMatrix.of(program);
        for (QuantMatrix matrix : matrices) {
            if (!layout.find(matrix.tensor()).orElseThrow().slot().isPlain()) {
                throw new BadInputException(
                        WIRE.spelled(),
                        name + " is quantised already and moves as it is",
                        "leave it out");
            }
            form.check(matrix, group, ASKED);
        }
        return matrices;
    }

    /** With the group that is usual, where none was told. */
    public static Settings complete(Settings settings) {
        return of(settings).map(wire -> settings.with(GROUP, wire.group)).orElse(settings);
    }
}
