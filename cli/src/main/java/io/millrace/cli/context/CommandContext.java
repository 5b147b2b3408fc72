package io.millrace.cli.context;

import io.millrace.memory.BadInputException;
import io.millrace.telemetry.json.Json;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * What every command works with.
 *
 * @param engine does the work
 * @param in standard input: answers of a person
 * @param out standard output: answers only
 * @param err standard error: progress and errors
 * @param terminal whether standard error is a terminal
 * @param interruption whether someone wants the run to stop
 * @param models finds the models that are named
 * @param home folder that holds {@code samples}
 */
public record CommandContext(
        Operations engine,
        InputStream in,
        PrintStream out,
        PrintStream err,
        boolean terminal,
        Interruption interruption,
        Models models,
        Path home) {

    /** The folder of the sample model and its data. */
    public Path samples() {
        Path samples = home.resolve("samples");
        if (!Files.isDirectory(samples)) {
            throw new BadInputException(
                    samples.toString(),
                    "the samples are not there",
                    "run ./millrace at the root of a complete checkout");
        }
        return samples;
    }

    /** Prints an answer for programs: one JSON object on one line. */
    public void printJson(Map<String, Object> answer) {
        out.println(Json.write(answer));
        out.flush();
    }

    /** Prints an answer for people. */
    public void print(String line) {
        out.println(line);
        out.flush();
    }

    /** A number for a JSON answer, where NaN has no spelling. */
    public static Object orNull(double value) {
        return Double.isFinite(value) ? value : null;
    }
}
