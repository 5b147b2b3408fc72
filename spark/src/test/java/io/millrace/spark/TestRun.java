package io.millrace.spark;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.cli.Main;
import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExecutorOperations;
import io.millrace.cli.context.Interruption;
import io.millrace.cli.context.Models;
import io.millrace.model.hub.HubSettings;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** A small run on the sample model, by one worker or by several, and what it leaves. */
public final class TestRun {
    private static final Path SAMPLES = Path.of("..", "samples").toAbsolutePath().normalize();

    private final Path temp;
    private final List<String> options;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final Interruption interruption =
            new Interruption(
                    print(err),
                    () -> {
                        throw new IllegalStateException("the process would end here");
                    });

    /** A run of so many steps, with options of its own. */
    public TestRun(Path temp, int steps, String... more) throws IOException {
        this.temp = temp;
        Path data = temp.resolve("train.jsonl");
        try (Stream<String> lines = Files.lines(SAMPLES.resolve("reviews-train.jsonl"))) {
            Files.write(data, lines.limit(24).toList());
        }
        options =
                new ArrayList<>(
                        List.of(
                                "tune",
                                "--model=" + SAMPLES.resolve("tiny-lm"),
                                "--train=" + data,
                                "--template={text} It was",
                                "--label-words= terrible, great",
                                "--steps=" + steps,
                                "--batch-size=4",
                                "--micro-batch=1",
                                "--seed=77"));
        options.addAll(List.of(more));
    }

    public Path out(String name) {
        return temp.resolve(name);
    }

    /** The command line for a folder. */
    public List<String> line(String name, String... more) {
        List<String> line = new ArrayList<>(options);
        line.add("--out=" + out(name));
        line.addAll(List.of(more));
        return line;
    }

    /** Runs it in this process, and returns the exit code. */
    public int run(String name, String... more) {
        out.reset();
        err.reset();
        Models models =
                new Models(
                        () ->
                                HubSettings.of(
                                        Map.of("HF_HUB_OFFLINE", "1", "HF_HUB_CACHE", "none"),
                                        temp),
                        print(err),
                        false);
        CommandContext context =
                new CommandContext(
                        new ExecutorOperations(),
                        InputStream.nullInputStream(),
                        print(out),
                        print(err),
                        false,
                        interruption,
                        models,
                        SAMPLES.getParent());
        return Main.run(context, line(name, more));
    }

    /** What one worker comes to. */
    public Map<String, byte[]> expected() throws IOException {
        if (!Files.exists(out("one"))) {
            assertThat(run("one")).as(said()).isZero();
        }
        return results("one");
    }

    /** Weights and journal, by their names. */
    public Map<String, byte[]> results(String name) throws IOException {
        Map<String, byte[]> results = new TreeMap<>();
        try (Stream<Path> files = Files.list(out(name))) {
            for (Path file : files.sorted().toList()) {
                String called = file.getFileName().toString();
                if (called.endsWith(".safetensors") || called.equals("journal.jsonl")) {
                    results.put(called, Files.readAllBytes(file));
                }
            }
        }
        assertThat(results).hasSizeGreaterThan(1);
        return results;
    }

    /** Expects a folder to hold what one worker comes to. */
    public void assertSameAsOne(String name, String how) throws IOException {
        Map<String, byte[]> expected = expected();
        Map<String, byte[]> results = results(name);
        assertThat(results.keySet()).as(how).isEqualTo(expected.keySet());
        for (String file : expected.keySet()) {
            assertThat(results.get(file)).as(how + ": " + file).isEqualTo(expected.get(file));
        }
    }

    /** Whole lines in a folder's journal, 0 where there is none. */
    public long journalLines(String name) {
        Path journal = out(name).resolve("journal.jsonl");
        try {
            return Files.isRegularFile(journal)
                    ? Files.readString(journal).chars().filter(c -> c == '\n').count()
                    : 0;
        } catch (IOException e) {
            return 0;
        }
    }

    public String answer() {
        return out.toString(StandardCharsets.UTF_8);
    }

    /** All that was shown on standard error. */
    public String said() {
        return err.toString(StandardCharsets.UTF_8);
    }

    private static PrintStream print(ByteArrayOutputStream bytes) {
        return new PrintStream(bytes, true, StandardCharsets.UTF_8);
    }
}
