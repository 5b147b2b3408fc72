package io.millrace.model.text.data;

import io.millrace.memory.BadInputException;
import io.millrace.model.text.DataKind;
import io.millrace.model.text.Dataset;
import io.millrace.model.text.Tokenizer;
import io.millrace.model.text.option.DataPart;
import io.millrace.model.text.option.DatasetOptions;
import io.millrace.model.text.row.DataFiles;
import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.row.RowFormats;
import io.millrace.model.text.row.RowTaker;
import io.millrace.model.text.row.TableLayout;
import io.millrace.model.text.task.MaskTask;
import io.millrace.model.text.task.PromptTask;
import io.millrace.model.text.task.Sampling;
import io.millrace.model.text.task.Task;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/** Reads a data set's own files as the task of a paper, sampled as the paper does. */
public final class TaskReader {
    private final Task task;
    private final Sampling sampling;
    private final OptionalInt first;
    private final DatasetOptions options;
    private final Tokenizer tokenizer;

    /**
     * A reader.
     *
     * @param task what is asked
     * @param sampling which rows are taken
     * @param first the id that begins every sequence of a decoder; its own marks where empty
     * @param options lengths, and how rows are taken
     * @param tokenizer of the model
     */
    public TaskReader(
            Task task,
            Sampling sampling,
            OptionalInt first,
            DatasetOptions options,
            Tokenizer tokenizer) {
        this.task = task;
        this.sampling = sampling;
        this.first = first;
        this.options = options;
        this.tokenizer = tokenizer;
    }

    /** The rows of a path, each of which the task can ask. */
    private record Rows(Path path, List<Path> files, List<DataLine> all, SkippedRows skipped) {}

    /**
     * A training part, divided into what is tuned on and what is held out.
     *
     * @throws BadInputException when that leaves nothing on one side
     */
    public Dataset.Split divide(Path path) {
        Rows rows = rows(path, DataPart.TRAIN);
        List<DataLine> all = rows.all;
        Sampling.Parts parts = sampling.divide(task, all.size(), row -> label(all.get(row)));
        if (parts.train().isEmpty() || parts.heldOut().isEmpty()) {
            throw new BadInputException(
                    path.toString(),
                    "has "
                            + all.size()
                            + " rows, which leaves nothing "
                            + (parts.train().isEmpty() ? "to tune on" : "held out"),
                    "give more, smaller --sample-train, --sample-dev or --shots, or an --eval file");
        }
        return new Dataset.Split(
                examples(rows, parts.train()).told(), examples(rows, parts.heldOut()).data());
    }

    /** All rows of a path. */
    public Reading all(Path path, DataPart part) {
        Rows rows = rows(path, part);
        return examples(rows, IntStream.range(0, rows.all.size()).boxed().toList());
    }

    /** The rows of a path that are evaluated on. */
    public Reading evaluated(Path path) {
        Rows rows = rows(path, DataPart.HELD_OUT);
        return examples(rows, sampling.evaluated(task, rows.all.size()));
    }

    /**
     * The rows that are evaluated on, each behind demonstrations.
     *
     * @param pool where the demonstrations are from
     * @param each how many a row has
     * @param path what is evaluated on
     */
    public Reading demonstrated(Path pool, int each, Path path) {
        if (!(task instanceof PromptTask prompts)) {
            throw new BadInputException(
                    "--demonstrations",
                    "are for models that go on with a text",
                    "leave them out for a masked language model");
        }
        List<DataLine> shown = rows(pool, DataPart.TRAIN).all;
        Rows rows = rows(path, DataPart.HELD_OUT);
        List<Integer> taken = sampling.evaluated(task, rows.all.size());
        List<List<Integer>> drawn = sampling.demonstrations(shown.size(), each, taken.size());
        Gathered gathered = new Gathered();
        PromptExamples examples = new PromptExamples(making(gathered), first);
        for (int i = 0; i < taken.size(); i++) {
            DataLine row = rows.all.get(taken.get(i));
            List<String> before =
                    drawn.get(i).stream()
                            .map(one -> prompts.of(shown.get(one)).demonstration())
                            .toList();
            examples.add(row, prompts.of(row), before);
        }
        return reading(rows, gathered);
    }

    private Making making(Gathered gathered) {
        return new Making(options, tokenizer, gathered);
    }

    private Reading examples(Rows rows, List<Integer> taken) {
        Gathered gathered = new Gathered();
        Consumer<DataLine> add = adding(making(gathered));
        for (int row : taken) {
            DataLine line = rows.all.get(row);
            try {
                add.accept(line);
            } catch (BadInputException e) {
                rows.skipped.refuse(line, e);
            }
        }
        return reading(rows, gathered);
    }

    private Consumer<DataLine> adding(Making making) {
        return switch (task) {
            case PromptTask prompts -> {
                PromptExamples examples = new PromptExamples(making, first);
                yield row -> examples.add(row, prompts.of(row));
            }
            case MaskTask masks -> {
                MaskExamples examples = new MaskExamples(making, masks);
                yield examples::add;
            }
        };
    }

    private Reading reading(Rows rows, Gathered gathered) {
        return new Reading(
                gathered.dataset(DataKind.TASK, options, rows.path.toString()),
                rows.files,
                rows.all.size() + rows.skipped.count(),
                rows.skipped,
                gathered.cutExamples(),
                gathered.cutTokens());
    }

    private Rows rows(Path path, DataPart part) {
        List<Path> files = DataFiles.of(path, options.rows().split(), part.splits());
        List<DataLine> all = new ArrayList<>();
        SkippedRows skipped = new SkippedRows(options.rows().skipsBad());
        for (Path file : files) {
            if (RowFormats.isText(file)) {
                throw new BadInputException(
                        file.toString(), "is running text", "give rows of " + task.dataSet());
            }
            TableLayout numbered = options.rows().layout();
            TableLayout layout =
                    numbered.equals(TableLayout.USUAL)
                            ? task.layout(String.valueOf(file.getFileName()))
                            : numbered;
            RowFormats.read(file, layout, new Taker(all, skipped));
        }
        return new Rows(path, files, all, skipped);
    }

    private final class Taker implements RowTaker {
        private final List<DataLine> all;
        private final SkippedRows skipped;

        private Taker(List<DataLine> all, SkippedRows skipped) {
            this.all = all;
            this.skipped = skipped;
        }

        @Override
        public void take(DataLine row) {
            try {
                for (DataLine one : task.unfold(options.rows().named(row))) {
                    label(one);
                    all.add(one);
                }
            } catch (BadInputException e) {
                skipped.refuse(row, e);
            }
        }

        @Override
        public void refuse(BadInputException fault) {
            skipped.refuse(fault);
        }
    }

    /** The label of a row, all of whose fields are there. */
    private int label(DataLine row) {
        return switch (task) {
            case PromptTask prompts -> prompts.of(row).right().getFirst();
            case MaskTask masks -> {
                masks.pieces(row);
                yield masks.label(row);
            }
        };
    }
}
