package io.millrace.cli.option;

import io.millrace.memory.BadInputException;
import io.millrace.memory.ByteSize;
import io.millrace.memory.DType;
import io.millrace.model.WrittenForm;
import java.util.Optional;
import java.util.OptionalLong;
import picocli.CommandLine.Option;

/** How a model is written: its dtype and its files. */
public final class FilesOption {
    private static final long SMALLEST = 1 << 20;

    @Option(
            names = "--dtype",
            paramLabel = "D",
            description =
                    "f32, bf16 or f16: what weights are stored in, each rounded once; for --gguf"
                            + " q8_0 too. Default: as they are.")
    private String dtype;

    @Option(
            names = "--safetensors-shard-size",
            paramLabel = "SIZE",
            converter = Converters.Size.class,
            description =
                    "Cut the weights into files of at most SIZE, such as 5GB, with an index."
                            + " Default: the files of the base.")
    private Long shardSize;

    /** What was given for the dtype. */
    public Optional<String> dtype() {
        return Optional.ofNullable(dtype);
    }

    /** Whether files of a size were asked for. */
    public boolean cuts() {
        return shardSize != null;
    }

    /**
     * Both, for files of safetensors.
     *
     * @throws BadInputException where the dtype is none, or the files too small
     */
    public WrittenForm form() {
        if (shardSize != null && shardSize < SMALLEST) {
            throw new BadInputException(
                    "--safetensors-shard-size",
                    ByteSize.format(shardSize) + " is too small for a file of weights",
                    "give at least " + ByteSize.format(SMALLEST));
        }
        return new WrittenForm(
                dtype().map(FilesOption::named),
                shardSize == null ? OptionalLong.empty() : OptionalLong.of(shardSize));
    }

    private static DType named(String name) {
        return DType.find(name)
                .filter(DType::isTrainable)
                .orElseThrow(() ->
                        new BadInputException(
                                "--dtype",
                                "'" + name + "' is no dtype of weights",
                                "give f32, bf16 or f16"));
    }
}
