package io.millrace.cli.command;

import io.millrace.cli.context.ByteProgress;
import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.option.FilesOption;
import io.millrace.cli.option.JsonOption;
import io.millrace.memory.ByteSize;
import io.millrace.model.adapter.peft.MergedAdapter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code millrace merge}. */
@Command(
        name = "merge",
        description = "Make a model of its own of a base and an adapter that PEFT saved.")
public final class MergeCommand implements Callable<Integer> {
    private final CommandContext context;

    @Option(
            names = "--model",
            required = true,
            paramLabel = "DIR",
            description = "Hugging Face folder of the base model that the adapter was trained on.")
    private Path base;

    @Option(
            names = "--adapter",
            required = true,
            paramLabel = "DIR",
            description = "Folder with adapter_config.json and adapter_model.safetensors.")
    private Path adapter;

    @Option(
            names = "--out",
            required = true,
            paramLabel = "DIR",
            description = "Folder for the merged model.")
    private Path out;

    @Mixin private FilesOption files = new FilesOption();

    @Mixin private JsonOption json = new JsonOption();

    public MergeCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        Path folder = context.models().folder(base);
        ByteProgress progress = new ByteProgress(context.err(), context.terminal(), "written");
        MergedAdapter merged;
        try {
            merged = context.engine().merge(folder, adapter, files.form(), out, progress::more);
        } finally {
            progress.erase();
        }
        if (json.wanted()) {
            context.printJson(answer(merged));
        } else {
            context.print(line(merged));
        }
        return ExitCode.DONE;
    }

    private String line(MergedAdapter merged) {
        int size = merged.matrices().size();
        String dtypes =
                merged.matrices().stream()
                        .map(MergedAdapter.Matrix::dtype)
                        .distinct()
                        .collect(Collectors.joining(" and "));
        return String.format(
                Locale.ROOT,
                "merged %s%s, rounded once to %s; %s of weights: %s",
                size == 1 ? "1 matrix" : size + " matrices",
                ranks(merged),
                dtypes,
                ByteSize.format(merged.bytes()),
                out);
    }

    private static String ranks(MergedAdapter merged) {
        List<Integer> ranks =
                merged.matrices().stream().map(one -> one.product().rank()).sorted().toList();
        if (ranks.getLast() == 0) {
            return ", scaled";
        }
        return " of rank "
                + (ranks.getFirst().equals(ranks.getLast())
                        ? ranks.getFirst().toString()
                        : ranks.getFirst() + " to " + ranks.getLast());
    }

    private Map<String, Object> answer(MergedAdapter merged) {
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("matrices", merged.matrices().stream().map(MergeCommand::answer).toList());
        answer.put("bytes", merged.bytes());
        answer.put("out", out.toString());
        return answer;
    }

    private static Map<String, Object> answer(MergedAdapter.Matrix matrix) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("module", matrix.module());
        fields.put("tensor", matrix.tensor());
        fields.put("shape", matrix.shape());
        if (matrix.product().rank() > 0) {
            fields.put("rank", matrix.product().rank());
            fields.put("scale", matrix.product().scale());
        }
        fields.put("dtype", matrix.dtype());
        return fields;
    }
}
