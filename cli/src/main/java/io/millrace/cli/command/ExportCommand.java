package io.millrace.cli.command;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.option.FilesOption;
import io.millrace.cli.option.JsonOption;
import io.millrace.cli.out.ModelOutput;
import io.millrace.executor.journal.AdapterRequest;
import io.millrace.executor.journal.ExportedAdapter;
import io.millrace.executor.journal.TrainedVectors;
import io.millrace.memory.BadInputException;
import io.millrace.memory.ByteSize;
import io.millrace.model.adapter.peft.AdapterCut;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code millrace export}. */
@Command(
        name = "export",
        customSynopsis =
                "millrace export (--peft (--journal=FILE | --adapter=DIR) | --gguf | --safetensors)"
                        + " --model=DIR --out=DIR [OPTION]...",
        description =
                "Write a model for other programs: as GGUF, or in another dtype and other files; or"
                        + " make a LoRA adapter of a low-rank run, of its base and its journal, or a"
                        + " smaller one of a LoRA.")
public final class ExportCommand implements Callable<Integer> {
    private static final String ROW = "%-48s %15s %6s %15s";

    private final CommandContext context;

    @Option(
            names = "--model",
            required = true,
            paramLabel = "DIR",
            description =
                    "The model: a Hugging Face folder, or owner/name on the hub. With --peft: the"
                            + " base model that the run began with.")
    private Path base;

    /** What is written: one of three. */
    @ArgGroup(multiplicity = "1")
    private Form form = new Form();

    static final class Form {
        @Option(
                names = "--peft",
                required = true,
                description = "Write the files that PEFT loads, in float32.")
        private boolean peft;

        @Option(
                names = "--gguf",
                required = true,
                description =
                        "Write one file for llama.cpp and its like: --out names it, or a folder"
                                + " that it goes to. Models of gemma, gemma2, gpt2, gpt_neox, granite,"
                                + " llama, mistral, olmo2, qwen2, qwen3, starcoder2.")
        private boolean gguf;

        @Option(
                names = "--safetensors",
                required = true,
                description = "Write a Hugging Face folder, in --dtype and files of a size.")
        private boolean safetensors;
    }

    @Option(
            names = "--journal",
            paramLabel = "FILE",
            description = "With --peft: the run's journal.jsonl.")
    private Path journal;

    @Option(
            names = "--adapter",
            paramLabel = "DIR",
            description = "With --peft, in place of a journal: a LoRA to cut down to --rank.")
    private Path adapter;

    @Mixin private FilesOption files = new FilesOption();

    @Option(
            names = "--rank",
            paramLabel = "R",
            description =
                    "The most that a matrix gets: its change is cut down to the nearest of that rank."
                            + " Default: all of the change, which is the run's rank times its"
                            + " windows.")
    private Integer rank;

    @Option(
            names = "--drop-vectors",
            description = "Leave out what the run made of tensors that are no matrices.")
    private boolean dropVectors;

    @Option(
            names = "--out",
            required = true,
            paramLabel = "DIR",
            description = "Folder for what is written; with --gguf a file, or a folder for it.")
    private Path out;

    @Mixin private JsonOption json = new JsonOption();

    public ExportCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        requireFitting();
        ModelOutput output = new ModelOutput(context, json.wanted());
        if (form.gguf) {
            output.gguf(context.models().folder(base), files, out);
            return ExitCode.DONE;
        }
        if (form.safetensors) {
            output.safetensors(context.models().folder(base), files.form(), out);
            return ExitCode.DONE;
        }
        if (adapter != null) {
            cut();
            return ExitCode.DONE;
        }
        ExportedAdapter exported =
                context.engine()
                        .export(
                                new AdapterRequest(
                                        context.models().folder(base),
                                        journal,
                                        out,
                                        rank == null ? OptionalInt.empty() : OptionalInt.of(rank),
                                        dropVectors));
        if (json.wanted()) {
            context.printJson(answer(exported));
        } else {
            print(exported);
        }
        return ExitCode.DONE;
    }

    private void requireFitting() {
        if (!form.peft && !form.gguf && !form.safetensors) {
            throw new BadInputException(
                    "--peft", "is false, and so nothing is to be written", "give one of the forms");
        }
        if (form.peft && (journal == null) == (adapter == null)) {
            throw new BadInputException(
                    "--journal",
                    journal == null ? "there is none, and no --adapter" : "is given with --adapter",
                    "give one of both");
        }
        if (form.peft && (files.dtype().isPresent() || files.cuts())) {
            throw new BadInputException(
                    files.cuts() ? "--safetensors-shard-size" : "--dtype",
                    "is not for --peft, which writes one file in float32",
                    "leave it out");
        }
        if (!form.peft && (journal != null || adapter != null || rank != null || dropVectors)) {
            throw new BadInputException(
                    journal != null
                            ? "--journal"
                            : adapter != null
                                    ? "--adapter"
                                    : rank != null ? "--rank" : "--drop-vectors",
                    "is for --peft",
                    "leave it out");
        }
    }

    private void cut() {
        if (rank == null || dropVectors) {
            throw new BadInputException(
                    rank == null ? "--rank" : "--drop-vectors",
                    rank == null ? "is not given" : "an adapter has no vectors",
                    rank == null ? "say what --adapter is cut to" : "leave it out");
        }
        List<AdapterCut.Matrix> made =
                context.engine().cut(context.models().folder(base), adapter, rank, out);
        double lost = made.stream().mapToDouble(one -> one.lost() * one.lost()).sum();
        double norm = made.stream().mapToDouble(one -> one.norm() * one.norm()).sum();
        double error = norm == 0 ? 0 : Math.sqrt(lost / norm);
        List<ExportedAdapter.Matrix> matrices =
                made.stream()
                        .map(one ->
                                new ExportedAdapter.Matrix(
                                        one.part().target().module(),
                                        one.part().rows(),
                                        one.part().columns(),
                                        one.part().rank(),
                                        one.relativeError()))
                        .toList();
        if (json.wanted()) {
            Map<String, Object> answer = new LinkedHashMap<>();
            answer.put("relative_error", error);
            answer.put("matrices", matrices.stream().map(ExportCommand::answer).toList());
            answer.put("out", out.toString());
            context.printJson(answer);
            return;
        }
        printRows(matrices);
        context.print(
                format(
                        "rank %d beside %d matrices, cut down to %d with a relative error of %.2e:"
                                + " %s",
                        made.stream().mapToInt(AdapterCut.Matrix::before).max().orElse(0),
                        made.size(),
                        rank,
                        error,
                        out));
    }

    private void printRows(List<ExportedAdapter.Matrix> matrices) {
        context.print(format(ROW, "module", "matrix", "rank", "relative error"));
        for (ExportedAdapter.Matrix one : matrices) {
            context.print(
                    format(
                            ROW,
                            one.module(),
                            one.rows() + " x " + one.columns(),
                            one.rank(),
                            format("%.2e", one.relativeError())));
        }
    }

    private void print(ExportedAdapter adapter) {
        if (rank != null) {
            printRows(adapter.matrices());
        }
        context.print(
                format(
                        "%d steps in %d windows: rank %d beside %d matrices%s: %s",
                        adapter.steps(),
                        adapter.windows(),
                        adapter.rank(),
                        adapter.matrices().size(),
                        rank == null
                                ? ""
                                : format(
                                        ", cut down to %d with a relative error of %.2e",
                                        rank, adapter.relativeError()),
                        out));
        adapter.dropped().ifPresent(vectors -> context.print("left out: " + vectors.describe()));
        adapter.rounded()
                .ifPresent(dtype ->
                        context.print(
                                "the run rounded its weights to "
                                        + dtype
                                        + "; the adapter is the change before that"));
        context.print("memory: one matrix at a time, " + ByteSize.format(adapter.hostBytes()));
    }

    private Map<String, Object> answer(ExportedAdapter adapter) {
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("steps", adapter.steps());
        answer.put("windows", adapter.windows());
        answer.put("rank", adapter.rank());
        answer.put("relative_error", adapter.relativeError());
        List<Map<String, Object>> matrices =
                adapter.matrices().stream().map(ExportCommand::answer).toList();
        answer.put("matrices", matrices);
        answer.put("dropped", adapter.dropped().map(ExportCommand::answer).orElse(null));
        answer.put("rounded_to", adapter.rounded().map(Enum::name).orElse(null));
        answer.put("host_bytes", adapter.hostBytes());
        answer.put("out", out.toString());
        return answer;
    }

    private static Map<String, Object> answer(ExportedAdapter.Matrix matrix) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("module", matrix.module());
        fields.put("shape", List.of(matrix.rows(), matrix.columns()));
        fields.put("rank", matrix.rank());
        fields.put("relative_error", matrix.relativeError());
        return fields;
    }

    private static Map<String, Object> answer(TrainedVectors vectors) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("vectors", vectors.count());
        fields.put("change_norm", vectors.change());
        fields.put("base_norm", vectors.norm());
        return fields;
    }

    @SuppressWarnings("AnnotateFormatMethod") // its annotation is a library of its own
    private static String format(String form, Object... values) {
        return String.format(Locale.ROOT, form, values);
    }
}
