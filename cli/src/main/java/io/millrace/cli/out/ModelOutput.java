package io.millrace.cli.out;

import io.millrace.cli.context.ByteProgress;
import io.millrace.cli.context.CommandContext;
import io.millrace.cli.option.FilesOption;
import io.millrace.memory.BadInputException;
import io.millrace.memory.ByteSize;
import io.millrace.model.WrittenForm;
import io.millrace.model.export.GgufExport;
import io.millrace.model.export.GgufType;
import io.millrace.model.export.ModelExport;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.function.LongConsumer;

/**
 * Writes a model of a folder in another form, and says what came of it.
 *
 * @param context of the command
 * @param json whether the answer is JSON
 */
public record ModelOutput(CommandContext context, boolean json) {
    /** One GGUF file; of a folder, one in it that is named after the model. */
    public void gguf(Path model, FilesOption files, Path out) {
        if (files.cuts()) {
            throw new BadInputException(
                    "--safetensors-shard-size", "is for safetensors", "leave it out with --gguf");
        }
        GgufType type = GgufType.parse(files.dtype().orElse(GgufType.BF16.name()), "--dtype");
        Path file = Files.isDirectory(out) ? out.resolve(name(model, type)) : out;
        GgufExport.Result result = working(progress -> GgufExport.run(model, type, file, progress));
        result.missing()
                .forEach(what -> context.err().println("millrace: not in the file: " + what));
        context.err().flush();
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("file", file.toString());
        answer.put("type", type.name());
        answer.put("tensors", result.tensors());
        answer.put("bytes", result.bytes());
        answer.put("missing", result.missing());
        say(
                answer,
                String.format(
                        Locale.ROOT,
                        "%d tensors in %s, %s: %s",
                        result.tensors(),
                        type,
                        ByteSize.format(result.bytes()),
                        file));
    }

    private static String name(Path model, GgufType type) {
        return model.toAbsolutePath().normalize().getFileName() + "-" + type + ".gguf";
    }

    /** A model's folder. */
    public void safetensors(Path model, WrittenForm form, Path out) {
        ModelExport.Result result =
                working(progress -> ModelExport.run(model, form, out, progress));
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("bytes", result.bytes());
        answer.put("out", out.toString());
        say(answer, ByteSize.format(result.bytes()) + " of weights: " + out);
    }

    private <T> T working(Function<LongConsumer, T> work) {
        ByteProgress progress = new ByteProgress(context.err(), context.terminal(), "written");
        try {
            return work.apply(progress::more);
        } finally {
            progress.erase();
        }
    }

    private void say(Map<String, Object> answer, String line) {
        if (json) {
            context.printJson(answer);
        } else {
            context.print(line);
        }
    }
}
