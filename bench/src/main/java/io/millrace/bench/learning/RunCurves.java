package io.millrace.bench.learning;

import io.millrace.bench.plot.CurvePlot;
import io.millrace.bench.plot.Svg;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Held-out losses over the steps of runs, as an SVG on standard output.
 *
 * <pre>
 *   learning.RunCurves TITLE NAME=RUN_FOLDER...
 * </pre>
 */
public final class RunCurves {
    private RunCurves() {}

    /** Reads {@code metrics.jsonl} of each run, which has evaluated under way. */
    public static void main(String[] arguments) throws IOException {
        Map<String, List<Svg.Place>> curves = new LinkedHashMap<>();
        for (String argument : List.of(arguments).subList(1, arguments.length)) {
            int equals = argument.indexOf('=');
            Path run = Path.of(argument.substring(equals + 1));
            curves.put(argument.substring(0, equals), places(run.resolve("metrics.jsonl")));
        }
        System.out.print(new CurvePlot(curves).svg(arguments[0], "steps"));
    }

    private static List<Svg.Place> places(Path metrics) throws IOException {
        try (Stream<String> lines = Files.lines(metrics)) {
            return lines.map(Json::parseObject)
                    .filter(line -> line.has("eval_loss"))
                    .map(RunCurves::place)
                    .toList();
        }
    }

    private static Svg.Place place(JsonObject line) {
        return new Svg.Place(line.integer("step"), line.number("eval_loss"));
    }
}
