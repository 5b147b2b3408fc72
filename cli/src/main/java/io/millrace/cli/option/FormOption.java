package io.millrace.cli.option;

import io.millrace.executor.quantize.QuantizeConfig;
import io.millrace.memory.BadInputException;
import io.millrace.model.quantize.QuantForm;
import io.millrace.model.synthetic.SyntheticModel;
import java.util.Optional;
import picocli.CommandLine.Option;

/** How matrices of layers are stored in a model that is made up. */
public final class FormOption {
    @Option(
            names = "--format",
            paramLabel = "F",
            converter = Converters.Form.class,
            description =
                    "Matrices of layers in fewer bits: int4, int8, nf4 or fp8. Default: as the"
                            + " rest.")
    private QuantForm form;

    @Option(
            names = "--group-size",
            paramLabel = "G",
            description = "Elements of a row that share a scale. Default: 128, of nf4 64.")
    private Integer group;

    /** What was told; empty where matrices are stored as the rest. */
    public Optional<SyntheticModel.Packing> packing() {
        if (form == null && group != null) {
            throw new BadInputException(
                    "--group-size", "there are no groups without --format", "leave it out");
        }
        return Optional.ofNullable(form)
                .map(one -> new SyntheticModel.Packing(one, QuantizeConfig.group(one, group)));
    }
}
