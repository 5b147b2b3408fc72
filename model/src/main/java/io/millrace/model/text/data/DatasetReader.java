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
import io.millrace.model.text.row.RowInput;
import io.millrace.model.text.row.RowTaker;
import io.millrace.model.text.row.Utf8Lines;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Reads a data file, or the files of a folder, into examples.
 *
 * <p>{@code .txt} is one running text, encoded in one piece without special tokens; CRLF reads as
 * LF; unpacked, each line that is not blank is an example. Any other file has rows ({@link
 * RowFormats}), all of the kind of the first ({@link RowKinds}).
 *
 * <p>Prompts that are too long lose tokens from their left, behind the beginning mark, as in MeZO:
 * the template's end and the scored continuation survive.
 */
public final class DatasetReader {
    private final Path path;
    private final DatasetOptions options;
    private final Making making;
    private final Gathered gathered = new Gathered();
    private final SkippedRows skipped;
    private DataKind kind;
    private ExampleMaker maker;
    private long rows;

    private DatasetReader(Path path, DatasetOptions options, Tokenizer tokenizer) {
        this.path = path;
        this.options = options;
        making = new Making(options, tokenizer, gathered);
        skipped = new SkippedRows(options.rows().skipsBad());
    }

    /**
     * Reads all of a file to tune on.
     *
     * @throws BadInputException with file and row, the field and the mend, when a row is not what
     *     it should be
     */
    public static Dataset read(Path path, DatasetOptions options, Tokenizer tokenizer) {
        return read(path, DataPart.TRAIN, options, tokenizer);
    }

    /** The same for what it is read for; rows that were left out are told to the log. */
    public static Dataset read(
            Path path, DataPart part, DatasetOptions options, Tokenizer tokenizer) {
        return readAll(path, part, options, tokenizer).told();
    }

    /** The same with what became of the rows. */
    public static Reading readAll(
            Path path, DataPart part, DatasetOptions options, Tokenizer tokenizer) {
        return new DatasetReader(path, options, tokenizer).read(part);
    }

    private Reading read(DataPart part) {
        List<Path> files = DataFiles.of(path, options.rows().split(), part.splits());
        for (Path file : files) {
            if (RowFormats.isText(file)) {
                takeKind(DataKind.PLAIN_TEXT, file.toString());
                readPlainText(file);
            } else {
                readRows(file);
            }
        }
        if (kind != null && kind != DataKind.CLASSIFICATION && !options.labelWords().isEmpty()) {
            throw new BadInputException(
                    "--label-words",
                    "are given, but " + path + " holds " + kind.shape(),
                    "drop the option, or give rows with a 'label'");
        }
        Dataset data =
                gathered.dataset(
                        Optional.ofNullable(kind).orElse(DataKind.DOCUMENTS),
                        options,
                        path.toString());
        return new Reading(
                data, files, rows, skipped, gathered.cutExamples(), gathered.cutTokens());
    }

    private void readRows(Path file) {
        RowFormats.read(
                file,
                options.rows().layout(),
                new RowTaker() {
                    @Override
                    public void take(DataLine row) {
                        rows++;
                        try {
                            takeRow(options.rows().named(row));
                        } catch (BadInputException e) {
                            skipped.refuse(row, e);
                        }
                    }

                    @Override
                    public void refuse(BadInputException fault) {
                        rows++;
                        skipped.refuse(fault);
                    }
                });
    }

    private void takeRow(DataLine row) {
        RowKind found = RowKinds.of(row);
        if (maker == null) {
            takeKind(found.kind(), row.where());
            maker = found.maker().apply(making);
        } else if (kind != found.kind()) {
            throw new BadInputException(
                    row.where(),
                    "has fields of " + found.kind().shape() + " after rows of " + kind.shape(),
                    "keep one kind in a file");
        }
        maker.add(row);
    }

    /** The kind of the first decides. */
    private void takeKind(DataKind found, String where) {
        if (kind == null) {
            kind = found;
            options.requireAnswers(kind, where);
        } else if (kind != found) {
            throw new BadInputException(
                    where,
                    "is " + found.shape() + " beside files of " + kind.shape(),
                    "keep one kind in a folder");
        }
    }

    private void readPlainText(Path file) {
        DocumentRows documents = new DocumentRows(making);
        StringBuilder text = new StringBuilder();
        RowInput.of(file)
                .read(in ->
                        Utf8Lines.forEach(
                                file,
                                in,
                                (number, line, ended) -> {
                                    rows++;
                                    String where = file + ":" + number;
                                    if (options.pack()) {
                                        text.append(line).append(ended ? "\n" : "");
                                        if (text.length() > DataLine.MAX_TEXT_CHARS) {
                                            DataLine.checkedText(where, "text", text.toString());
                                        }
                                    } else if (!line.isBlank()) {
                                        documents.addDocument(where, line);
                                    }
                                }));
        if (options.pack() && !text.isEmpty()) {
            String whole = DataLine.checkedText(file.toString(), "text", text.toString());
            gathered.stream().addAll(making.encoded(file.toString(), whole, false));
        }
    }
}
