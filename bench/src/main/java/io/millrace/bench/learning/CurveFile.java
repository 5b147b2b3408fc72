package io.millrace.bench.learning;

import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Rates and curves, a JSON line each as it comes, so that what is stopped goes on where it was. The
 * first line is what was asked for: another question wants another file.
 */
public final class CurveFile {
    private final Path file;
    private final Map<String, Rate> rates = new LinkedHashMap<>();
    private final List<Curve> curves = new ArrayList<>();

    /**
     * Opens a file, or begins one.
     *
     * @param file to read and to add to
     * @param asked what decides the curves
     * @throws IllegalStateException where the file answers something else
     */
    public CurveFile(Path file, Map<String, String> asked) throws IOException {
        this.file = file;
        if (!Files.exists(file)) {
            add(Map.of("asked", asked));
            return;
        }
        String text = Files.readString(file);
        String whole = text.substring(0, text.lastIndexOf('\n') + 1);
        if (whole.length() < text.length()) {
            Files.writeString(file, whole); // the last line was cut short, and comes again
        }
        List<JsonObject> lines = whole.lines().map(Json::parseObject).toList();
        if (lines.isEmpty() || !lines.getFirst().object("asked").fields().equals(asked)) {
            throw new IllegalStateException(
                    file + " is of other options; give another folder, or remove it");
        }
        for (JsonObject line : lines.subList(1, lines.size())) {
            if (line.has("points")) {
                curves.add(Curve.of(line));
            } else {
                Rate rate = Rate.of(line);
                rates.put(rate.method(), rate);
            }
        }
    }

    /** What was found for a method, if it was looked for. */
    public Optional<Rate> rate(String method) {
        return Optional.ofNullable(rates.get(method));
    }

    /** Whether a run is done. */
    public boolean has(String method, long seed) {
        return curves.stream().anyMatch(curve -> is(curve, method) && curve.seed() == seed);
    }

    private static boolean is(Curve curve, String method) {
        return curve.method().equals(method);
    }

    /** The runs of a method, in the order in which they were done. */
    public List<Curve> curves(String method) {
        return curves.stream().filter(curve -> is(curve, method)).toList();
    }

    /** All that was looked for. */
    public List<Rate> rates() {
        return List.copyOf(rates.values());
    }

    /** Keeps what was found for a method. */
    public void add(Rate rate) throws IOException {
        add(rate.fields());
        rates.put(rate.method(), rate);
    }

    /** Keeps a run. */
    public void add(Curve curve) throws IOException {
        add(curve.fields());
        curves.add(curve);
    }

    private void add(Map<String, ?> line) throws IOException {
        Files.writeString(
                file,
                Json.write(line) + "\n",
                StandardOpenOption.CREATE,
                StandardOpenOption.APPEND);
    }
}
