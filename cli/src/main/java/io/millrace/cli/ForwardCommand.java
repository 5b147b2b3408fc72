package io.millrace.cli;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code millrace forward}. */
@Command(
        name = "forward",
        customSynopsis = "millrace forward --model=DIR --input=FILE --output=FILE [OPTION]...",
        description = "Run a batch of ids through a model and write logits and losses.")
final class ForwardCommand implements Callable<Integer> {
    private final CommandContext context;

    @Option(
            names = "--model",
            required = true,
            paramLabel = "DIR",
            description = "Hugging Face folder.")
    private Path model;

    @Option(
            names = "--input",
            required = true,
            paramLabel = "FILE",
            description = "Safetensors with input_ids [B,T], and attention_mask and labels if any.")
    private Path input;

    @Option(
            names = "--output",
            required = true,
            paramLabel = "FILE",
            description = "Safetensors to write: logits, token_loss and mean_loss.")
    private Path output;

    @Mixin private MemoryOptions memory = new MemoryOptions();

    ForwardCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        context.engine().forward(model, input, output, memory.config());
        return ExitCode.DONE;
    }
}
