package io.millrace.cli.command;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.option.AdapterOption;
import io.millrace.cli.option.Described;
import io.millrace.cli.option.JsonOption;
import io.millrace.cli.option.RunLine;
import io.millrace.executor.ForwardPass;
import io.millrace.executor.config.MemoryConfig;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** {@code millrace forward}. */
@Command(
        name = "forward",
        customSynopsis = "millrace forward --model=DIR --input=FILE --output=FILE [OPTION]...",
        description = "Run a batch of ids through a model and write logits and losses.")
public final class ForwardCommand implements Callable<Integer>, Described {
    private final CommandContext context;

    @Option(
            names = "--model",
            required = true,
            paramLabel = "DIR",
            description = "The model: a Hugging Face folder, or owner/name on the hub.")
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

    @Mixin private AdapterOption adapter = new AdapterOption();

    @Mixin private JsonOption json = new JsonOption();

    private RunLine run;

    public ForwardCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public void describe(CommandSpec command) {
        run = RunLine.of(command).take(MemoryConfig.OPTIONS).atTheEnd();
    }

    @Override
    public Integer call() {
        ForwardPass.Result result =
                context.engine()
                        .forward(
                                context.models().folder(model),
                                adapter.folder(),
                                input,
                                output,
                                new MemoryConfig(run.told()));
        if (json.wanted()) {
            Map<String, Object> answer = new LinkedHashMap<>();
            answer.put("mean_loss", CommandContext.orNull(result.meanLoss()));
            answer.put("scored_tokens", result.scoredTokens());
            answer.put("output", output.toString());
            context.printJson(answer);
        } else {
            context.print(
                    String.format(
                            Locale.ROOT,
                            "mean loss %.6f over %,d tokens: %s",
                            result.meanLoss(),
                            result.scoredTokens(),
                            output));
        }
        return ExitCode.DONE;
    }
}
