package io.millrace.cli.option;

import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Option;

/** {@code --adapter}. */
public final class AdapterOption {
    @Option(
            names = "--adapter",
            paramLabel = "DIR",
            description = "An adapter beside the model, as PEFT or tune saves it.")
    private Path folder;

    /** The folder, if one is given. */
    public Optional<Path> folder() {
        return Optional.ofNullable(folder);
    }
}
