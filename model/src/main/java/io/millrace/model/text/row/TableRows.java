package io.millrace.model.text.row;

import de.siegmar.fastcsv.reader.CloseableIterator;
import de.siegmar.fastcsv.reader.CsvParseException;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.CsvRecord;
import io.millrace.memory.BadInputException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A table of text: a line with the names of the columns, then a row a line, its fields apart by a
 * character. A field in quotes may hold that character, line ends, and doubled quotes (RFC 4180).
 * Every value is a text.
 */
final class TableRows implements RowFormat {
    private final String name;
    private final String ending;
    private final char separator;

    TableRows(String name, String ending, char separator) {
        this.name = name;
        this.ending = ending;
        this.separator = separator;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public List<String> endings() {
        return List.of(ending);
    }

    @Override
    public String about() {
        return "a first line with names; quoted fields may hold line ends; every value is a text";
    }

    @Override
    public void read(RowInput input, TableLayout layout, RowTaker taker) {
        Table table = new Table(input, layout, taker);
        input.read(in -> {
            if (layout.quotes()) {
                quoted(input, in, table);
            } else {
                String apart = String.valueOf(separator);
                Utf8Lines.forEach(
                        input.file(),
                        in,
                        (number, line, _) -> {
                            if (!line.isBlank()) {
                                table.take(number, Arrays.asList(line.split(apart, -1)));
                            }
                        });
            }
        });
    }

    private void quoted(RowInput input, InputStream in, Table table) throws IOException {
        InputStreamReader text =
                new InputStreamReader(
                        in,
                        StandardCharsets.UTF_8
                                .newDecoder()
                                .onMalformedInput(CodingErrorAction.REPORT)
                                .onUnmappableCharacter(CodingErrorAction.REPORT));
        try (CsvReader<CsvRecord> reader =
                        CsvReader.builder()
                                .fieldSeparator(separator)
                                .allowExtraFields(true)
                                .allowMissingFields(true)
                                .ofCsvRecord(text);
                CloseableIterator<CsvRecord> records = reader.iterator()) {
            while (records.hasNext()) {
                CsvRecord row = records.next();
                table.take(row.getStartingLineNumber(), row.getFields());
            }
        } catch (UncheckedIOException e) {
            if (e.getCause() instanceof CharacterCodingException) {
                throw table.bad("holds bytes that are not UTF-8", "save the file as UTF-8");
            }
            throw e.getCause();
        } catch (CsvParseException e) {
            throw table.bad(
                    "is no row of a table (" + firstLine(e.getMessage()) + ")",
                    "look for a quote that does not close");
        }
    }

    private static String firstLine(String message) {
        return message.lines().findFirst().orElse("");
    }

    /** The rows of one table. */
    private static final class Table {
        private final RowInput input;
        private final RowTaker taker;
        private List<String> header;
        private long line = 1;

        private Table(RowInput input, TableLayout layout, RowTaker taker) {
            this.input = input;
            this.taker = taker;
            header = layout.header();
        }

        private BadInputException bad(String what, String mend) {
            return new BadInputException(input.file() + ":" + line, what, mend);
        }

        private void take(long number, List<String> fields) {
            line = number;
            if (header.isEmpty()) {
                header = named(fields);
                return;
            }
            if (fields.size() != header.size()) {
                taker.refuse(
                        bad(
                                "has "
                                        + fields.size()
                                        + " fields, and there are "
                                        + header.size()
                                        + " columns",
                                "look for a separator too many, or a quote that does not close"));
                return;
            }
            Map<String, Object> row = new LinkedHashMap<>();
            for (int i = 0; i < fields.size(); i++) {
                row.put(header.get(i), fields.get(i));
            }
            taker.take(new DataLine(input.file() + ":" + number, new JsonObject(row)));
        }

        private List<String> named(List<String> fields) {
            List<String> names = new ArrayList<>(fields);
            names.set(0, names.getFirst().replaceFirst("^\uFEFF", ""));
            if (new HashSet<>(names).size() != names.size()) {
                throw bad(
                        "has a name twice among " + names,
                        "name each column once in the first line");
            }
            return names;
        }
    }
}
