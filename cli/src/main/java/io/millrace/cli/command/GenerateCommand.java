package io.millrace.cli.command;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.option.AdapterOption;
import io.millrace.cli.option.Converters;
import io.millrace.cli.option.Described;
import io.millrace.cli.option.JsonOption;
import io.millrace.cli.option.RunLine;
import io.millrace.executor.Generation;
import io.millrace.executor.config.GenerateConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.memory.BadInputException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** {@code millrace generate}. */
@Command(
        name = "generate",
        customSynopsis = "millrace generate --model=DIR (--prompt=TEXT | --chat) [OPTION]...",
        description = "Continue a prompt, with the likeliest tokens or drawn ones, or answer it.")
public final class GenerateCommand implements Callable<Integer>, Described {
    private final CommandContext context;

    @Option(
            names = "--model",
            required = true,
            paramLabel = "DIR",
            description = "The model: a Hugging Face folder, or owner/name on the hub.")
    private Path model;

    @Option(
            names = "--prompt",
            paramLabel = "TEXT",
            description =
                    "What to continue. With --chat and without this, a conversation: each line of"
                            + " standard input is answered, until its end.")
    private String prompt;

    @Option(
            names = "--max-new-tokens",
            paramLabel = "N",
            description = "Most tokens to add. Default: 32.")
    private int maxNewTokens = 32;

    @Option(
            names = "--chat",
            description =
                    "Take the prompt as what a user says, through the model's chat template, and"
                            + " print the answer alone.")
    private boolean chat;

    @Option(
            names = "--system",
            paramLabel = "TEXT",
            description = "With --chat: what the model is told before it.")
    private String system;

    @Option(
            names = "--temperature",
            paramLabel = "F",
            description =
                    "Draw each token, its logits over F, instead of taking the likeliest. Default"
                            + " with --top-k, --top-p or --seed: 1.")
    private Double temperature;

    @Option(
            names = "--top-k",
            paramLabel = "K",
            description = "Draw from the K likeliest tokens alone.")
    private Integer topK;

    @Option(
            names = "--top-p",
            paramLabel = "P",
            description = "Draw from the likeliest tokens that together have the share P.")
    private Double topP;

    @Option(
            names = "--seed",
            paramLabel = "S",
            converter = Converters.Seed.class,
            description = "Seed of the draws. Default: 0.")
    private Long seed;

    @Option(
            names = "--stop",
            paramLabel = "TEXT",
            description = "End before this text; may be given several times.")
    private List<String> stops = List.of();

    @Mixin private AdapterOption adapter = new AdapterOption();

    @Mixin private JsonOption json = new JsonOption();

    private RunLine run;

    public GenerateCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public void describe(CommandSpec command) {
        run = RunLine.of(command).take(MemoryConfig.OPTIONS).atTheEnd();
    }

    @Override
    public Integer call() {
        if (system != null && !chat) {
            throw new BadInputException(
                    "--system", "is given without --chat", "add --chat, or put it into the prompt");
        }
        if (prompt == null && !chat) {
            throw new BadInputException(
                    "--prompt", "is missing", "give a text, or --chat for a conversation");
        }
        Path folder = context.models().folder(model);
        if (prompt == null) {
            converse(folder);
        } else {
            say(prompt, ask(folder, prompt, List.of()));
        }
        return ExitCode.DONE;
    }

    /** Answers line by line, each with all that was said before. */
    private void converse(Path folder) {
        BufferedReader lines =
                new BufferedReader(new InputStreamReader(context.in(), StandardCharsets.UTF_8));
        List<String> turns = new ArrayList<>();
        try {
            for (String line = next(lines); line != null; line = next(lines)) {
                if (!line.isBlank()) {
                    Generation.Result result = ask(folder, line, turns);
                    say(line, result);
                    turns.add(line);
                    turns.add(result.text());
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("standard input", e);
        }
    }

    private String next(BufferedReader lines) throws IOException {
        if (context.terminal()) {
            context.err().print("> ");
            context.err().flush();
        }
        return lines.readLine();
    }

    private Generation.Result ask(Path folder, String said, List<String> before) {
        return context.engine()
                .generate(
                        new GenerateConfig(
                                folder,
                                said,
                                chat
                                        ? Optional.of(
                                                new GenerateConfig.Turn(
                                                        Optional.ofNullable(system), before))
                                        : Optional.empty(),
                                new GenerateConfig.Writing(maxNewTokens, sampling(), stops),
                                new MemoryConfig(run.told()),
                                adapter.folder()));
    }

    private void say(String said, Generation.Result result) {
        if (!json.wanted()) {
            context.print(result.text());
            return;
        }
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("prompt", said);
        answer.put("text", result.text());
        answer.put("prompt_ids", boxed(result.promptIds()));
        answer.put("new_ids", boxed(result.newIds()));
        context.printJson(answer);
    }

    private Optional<GenerateConfig.Sampling> sampling() {
        if (temperature == null && topK == null && topP == null && seed == null) {
            return Optional.empty();
        }
        return Optional.of(
                new GenerateConfig.Sampling(
                        temperature == null ? 1 : temperature,
                        topK == null ? Integer.MAX_VALUE : topK,
                        topP == null ? 1 : topP,
                        seed == null ? 0 : seed));
    }

    private static List<Integer> boxed(int[] ids) {
        return IntStream.of(ids).boxed().toList();
    }
}
