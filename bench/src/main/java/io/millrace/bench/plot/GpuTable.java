package io.millrace.bench.plot;

import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The report of the benchmark of a card as a table for people. */
public final class GpuTable {
    private record Column(String title, String field, double unit, String format) {}

    private static final List<Column> COLUMNS =
            List.of(
                    new Column("tokens/s", "tokens_per_second", 1, "%.1f"),
                    new Column("step s", "step_seconds", 1, "%.3f"),
                    new Column("peak device GB", "peak_device_bytes", 1e9, "%.2f"),
                    new Column("peak host GB", "peak_resident_bytes", 1e9, "%.2f"),
                    new Column("hidden", "hidden_transfer", 1, "%.3f"),
                    new Column("efficiency", "pipeline_efficiency", 1, "%.3f"),
                    new Column("GEMM share", "gemm_share", 1, "%.3f"),
                    new Column("h2d / bare", "h2d_share_of_bare", 1, "%.3f"),
                    new Column("d2h / bare", "d2h_share_of_bare", 1, "%.3f"));

    private GpuTable() {}

    /** The table in Markdown, of the report as it is written. */
    @SuppressWarnings("unchecked")
    public static String of(Map<String, Object> report) {
        StringBuilder table = new StringBuilder();
        table.append(report.getOrDefault("card", report.get("device")))
                .append("\n\n| model | batch |");
        COLUMNS.forEach(column -> table.append(' ').append(column.title).append(" |"));
        table.append("\n|---|---|").append("---|".repeat(COLUMNS.size())).append('\n');
        for (Map<String, Object> run : (List<Map<String, Object>>) report.get("runs")) {
            table.append("| ").append(run.get("model")).append(" | ");
            table.append(run.getOrDefault("batch", "-"));
            table.append(" |");
            if (run.containsKey("error")) {
                table.append(' ').append(run.get("error")).append(" |\n");
                continue;
            }
            for (Column column : COLUMNS) {
                table.append(' ').append(cell(run.get(column.field), column)).append(" |");
            }
            table.append('\n');
        }
        return table.toString();
    }

    private static String cell(Object value, Column column) {
        return value == null
                ? "-"
                : String.format(
                        Locale.ROOT, column.format, ((Number) value).doubleValue() / column.unit);
    }
}
