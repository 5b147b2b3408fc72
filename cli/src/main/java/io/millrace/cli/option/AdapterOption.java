package io.millrace.cli.option;

import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Option;

/** {@code --adapter}. */
public final class AdapterOption {
    @Option(
            names = "--adapter",
            paramLabel = "DIR",
            description = "A LoRA beside the model, as PEFT or tune --tune lora saves it.")
    private Path folder;

    /** The folder, if one is given. */
    public Optional<Path> folder() {
        return Optional.ofNullable(folder);
    }
}
