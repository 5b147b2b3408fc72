package io.millrace.telemetry.track;

import io.millrace.telemetry.EvalMetrics;
import io.millrace.telemetry.StepMetrics;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * {@code metrics.csv}: a row a step and a row an evaluation, each with its own columns filled. No
 * value has a comma, so that none is quoted.
 */
final class CsvTracker implements Tracker {
    private static final List<String> COLUMNS =
            List.of(
                    "step",
                    "loss",
                    "projected_grad",
                    "lr",
                    "step_seconds",
                    "tokens",
                    "tokens_per_second",
                    "hidden_transfer",
                    "exposed_transfer_seconds",
                    "compute_utilisation",
                    "pipeline_efficiency",
                    "bound_lane",
                    "eval_loss",
                    "eval_accuracy",
                    "eval_f1",
                    "eval_exact_match");
    private static final String HEAD = String.join(",", COLUMNS) + "\n";

    private final AppendedFile out;

    private CsvTracker(AppendedFile out) {
        this.out = out;
    }

    static CsvTracker open(TrackRequest request) throws IOException {
        Path file = request.folder().resolve("metrics.csv");
        long kept = Files.exists(file) ? keptBytes(file, request.firstStep()) : 0;
        AppendedFile out = AppendedFile.open(file, kept);
        try {
            CsvTracker tracker = new CsvTracker(out);
            if (kept == 0) {
                tracker.write(HEAD);
            }
            return tracker;
        } catch (IOException | RuntimeException e) {
            try (out) {
                throw e;
            }
        }
    }

    /** Bytes of the head and the whole rows before a step; 0 where a crash cut off the head. */
    private static long keptBytes(Path file, long firstStep) throws IOException {
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
            String head = new String(in.readNBytes(HEAD.length()), StandardCharsets.ISO_8859_1);
            if (!HEAD.startsWith(head)) {
                throw new IOException(file + " has other columns; move it away");
            }
            if (head.length() < HEAD.length()) {
                return 0;
            }
            long kept = head.length();
            while (true) {
                long step = 0;
                long bytes = 0;
                boolean inFirst = true;
                int sign;
                do {
                    sign = in.read();
                    bytes++;
                    inFirst &= sign >= '0' && sign <= '9';
                    step = inFirst ? 10 * step + sign - '0' : step;
                } while (sign >= 0 && sign != '\n');
                if (sign < 0 || step >= firstStep) {
                    return kept;
                }
                kept += bytes;
            }
        }
    }

    @Override
    public void step(StepMetrics metrics) throws IOException {
        write(row(metrics.fields()));
    }

    @Override
    public void evaluation(EvalMetrics metrics) throws IOException {
        write(row(metrics.fields()));
    }

    private static String row(Map<String, Object> fields) {
        return COLUMNS.stream()
                .map(column -> String.valueOf(fields.getOrDefault(column, "")))
                .collect(Collectors.joining(",", "", "\n"));
    }

    private void write(String text) throws IOException {
        out.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
    }

    @Override
    public void close() throws IOException {
        out.close();
    }
}
