package io.millrace.model.text.row;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** The formats of data files by the endings of their names. A new one is a line here. */
public final class RowFormats {
    /** Running text, which has no rows. */
    public static final String TEXT = ".txt";

    private static final RowFormat LINES = new JsonLines();

    /** All of them; what no ending tells is of the first. */
    public static final List<RowFormat> ALL =
            List.of(
                    LINES,
                    new JsonFile(),
                    new TableRows("CSV", ".csv", ','),
                    new TableRows("TSV", ".tsv", '\t'),
                    new ParquetRows());

    private RowFormats() {}

    /** Whether a file is running text. */
    public static boolean isText(Path file) {
        return RowInput.of(file).bareName().endsWith(TEXT);
    }

    /** Whether the ending of a file's name is that of a data file. */
    static boolean isKnown(Path file) {
        String name = RowInput.of(file).bareName();
        return name.endsWith(TEXT)
                || ALL.stream()
                        .anyMatch(format -> format.endings().stream().anyMatch(name::endsWith));
    }

    /** The format of a file. */
    public static RowFormat of(Path file) {
        String name = RowInput.of(file).bareName();
        return ALL.stream()
                .filter(format -> format.endings().stream().anyMatch(name::endsWith))
                .findFirst()
                .orElse(LINES);
    }

    /**
     * Reads the rows of a file.
     *
     * @throws io.millrace.memory.BadInputException when it cannot be read
     */
    public static void read(Path file, TableLayout layout, RowTaker taker) {
        try {
            of(file).read(RowInput.of(file), layout, taker);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
