package io.millrace.model.text.row;

import dev.hardwood.InputFile;
import dev.hardwood.reader.ParquetFileReader;
import dev.hardwood.reader.RowReader;
import dev.hardwood.row.PqList;
import dev.hardwood.row.PqMap;
import dev.hardwood.row.PqStruct;
import dev.hardwood.row.StructAccessor;
import io.millrace.memory.BadInputException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Parquet, with nested lists and structures, as the data sets of the hub are stored. */
final class ParquetRows implements RowFormat {
    /** A file that is packed once more, or a pipe, is held whole. */
    private static final int MOST_BYTES_IN_MEMORY = 1 << 30;

    @Override
    public String name() {
        return "Parquet";
    }

    @Override
    public List<String> endings() {
        return List.of(".parquet");
    }

    @Override
    public String about() {
        return "columns, lists and structures; pages plain or packed with snappy, gzip or zstd";
    }

    @Override
    public void read(RowInput input, TableLayout layout, RowTaker taker) {
        if (input.packed().isEmpty() && Files.isRegularFile(input.file())) {
            rows(input, InputFile.of(input.file()), taker);
        } else {
            input.read(in -> {
                byte[] bytes = in.readNBytes(MOST_BYTES_IN_MEMORY);
                if (in.read() >= 0) {
                    throw new BadInputException(
                            input.file().toString(),
                            "is larger than " + MOST_BYTES_IN_MEMORY + " bytes once unpacked",
                            "unpack it to a file");
                }
                rows(input, InputFile.of(ByteBuffer.wrap(bytes)), taker);
            });
        }
    }

    private static void rows(RowInput input, InputFile file, RowTaker taker) {
        long number = 0;
        try (ParquetFileReader reader = ParquetFileReader.open(file);
                RowReader rows = reader.rowReader()) {
            while (rows.hasNext()) {
                rows.next();
                number++;
                JsonObject row = new JsonObject(fields(rows));
                taker.take(new DataLine(input.file() + ", row " + number, row));
            }
        } catch (BadInputException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            // The library says by many kinds of exceptions that a file is damaged.
            throw new BadInputException(
                    input.file().toString(),
                    "is no Parquet file that can be read"
                            + (number == 0 ? "" : " behind row " + number)
                            + " ("
                            + Objects.requireNonNullElse(e.getMessage(), e.toString())
                            + ")",
                    "copy it again, or convert it to JSON Lines");
        }
    }

    private static Map<String, Object> fields(StructAccessor row) {
        Map<String, Object> fields = new LinkedHashMap<>();
        for (int i = 0; i < row.getFieldCount(); i++) {
            fields.put(row.getFieldName(i), row.isNull(i) ? null : plain(row.getValue(i)));
        }
        return fields;
    }

    /** A value as JSON would have it. */
    private static Object plain(Object value) {
        return switch (value) {
            case null -> null;
            case String text -> text;
            case Boolean truth -> truth;
            case Long number -> number;
            case Integer number -> number.longValue();
            case Float number -> (double) number;
            case Double number -> number;
            case byte[] bytes -> text(bytes);
            case PqStruct struct -> fields(struct);
            case PqList list -> {
                List<Object> plain = new ArrayList<>(list.size());
                list.values().forEach(one -> plain.add(plain(one)));
                yield plain;
            }
            case PqMap map -> {
                Map<String, Object> plain = new LinkedHashMap<>();
                map.getEntries()
                        .forEach(entry ->
                                plain.put(
                                        String.valueOf(plain(entry.getKey())),
                                        plain(entry.getValue())));
                yield plain;
            }
            default -> value.toString();
        };
    }

    /** Older writers leave out that their bytes are text; what is none is written in base 64. */
    private static String text(byte[] bytes) {
        String text = new String(bytes, StandardCharsets.UTF_8);
        return text.contains("\uFFFD") ? Base64.getEncoder().encodeToString(bytes) : text;
    }
}
