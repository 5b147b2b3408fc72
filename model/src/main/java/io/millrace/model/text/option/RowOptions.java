package io.millrace.model.text.option;

import io.millrace.memory.BadInputException;
import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.row.TableLayout;
import io.millrace.telemetry.json.JsonObject;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * How the rows of files are taken.
 *
 * @param columns names that rows are read by, and what the data calls them; numbers from 1 where a
 *     table has no line of names
 * @param split the part of a folder, if one is given
 * @param skipsBad whether rows that cannot be used are left out, and counted
 */
public record RowOptions(Map<String, String> columns, Optional<String> split, boolean skipsBad) {
    /** As they are. */
    public static final RowOptions USUAL = new RowOptions(Map.of(), Optional.empty(), false);

    /** Freezes the map, in its order. */
    public RowOptions {
        columns = Collections.unmodifiableMap(new LinkedHashMap<>(columns));
    }

    /** The layout of tables whose columns are numbered. */
    public TableLayout layout() {
        boolean numbered =
                !columns.isEmpty()
                        && columns.values().stream().allMatch(one -> one.matches("[1-9]\\d{0,3}"));
        if (!numbered) {
            return TableLayout.USUAL;
        }
        TreeMap<Integer, String> places = new TreeMap<>();
        columns.values().forEach(one -> places.put(Integer.valueOf(one), one));
        String[] header = new String[places.lastKey()];
        for (int i = 0; i < header.length; i++) {
            header[i] = String.valueOf(i + 1);
        }
        return new TableLayout(List.of(header), true);
    }

    /** A row under the names that it is read by. */
    public DataLine named(DataLine row) {
        if (columns.isEmpty()) {
            return row;
        }
        Map<String, Object> fields = new LinkedHashMap<>(row.object().fields());
        columns.values().forEach(fields::remove);
        columns.forEach((name, source) -> {
            if (!row.object().fields().containsKey(source)) {
                throw new BadInputException(
                        row.where(),
                        "has no field '"
                                + source
                                + "' (it has "
                                + row.object().fields().keySet()
                                + ")",
                        "name one that it has in --columns or --label-field");
            }
            fields.put(name, row.object().raw(source));
        });
        return new DataLine(row.where(), new JsonObject(fields));
    }
}
