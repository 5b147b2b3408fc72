package io.millrace.spark;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.cli.Main;
import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExecutorOperations;
import io.millrace.cli.context.Interruption;
import io.millrace.cli.context.Models;
import io.millrace.memory.DType;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.hub.HubSettings;
import io.millrace.model.synthetic.SyntheticModel;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
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
        this(temp, SAMPLES.resolve("tiny-lm"), steps, more);
    }

    /** The same of another model with the sample's tokenizer. */
    public TestRun(Path temp, Path model, int steps, String... more) throws IOException {
        this.temp = temp;
        Path data = temp.resolve("train.jsonl");
        try (Stream<String> lines = Files.lines(SAMPLES.resolve("reviews-train.jsonl"))) {
            Files.write(data, lines.limit(24).toList());
        }
        options =
                new ArrayList<>(
                        List.of(
                                "tune",
                                "--model=" + model,
                                "--train=" + data,
                                "--template={text} It was",
                                "--label-words= terrible, great",
                                "--steps=" + steps,
                                "--batch-size=4",
                                "--micro-batch=1",
                                "--seed=77"));
        options.addAll(List.of(more));
    }

    /** A model of the sample's kind and tokenizer, of so many layers and so wide. */
    public static Path model(Path folder, long layers, long hidden) throws IOException {
        Path sample = SAMPLES.resolve("tiny-lm");
        Map<String, Object> fields =
                new LinkedHashMap<>(
                        Json.parseObject(Files.readString(sample.resolve("config.json"))).fields());
        fields.put("num_hidden_layers", layers);
        fields.put("hidden_size", hidden);
        fields.put("intermediate_size", 3 * hidden);
        SyntheticModel.write(
                ModelConfig.of("config.json", new JsonObject(fields)),
                DType.BF16,
                7,
                folder,
                bytes -> {});
        try (Stream<Path> files = Files.list(sample)) {
            for (Path file : files.filter(one -> isTokenizer(one)).toList()) {
                Files.copy(
                        file,
                        folder.resolve(file.getFileName()),
                        StandardCopyOption.REPLACE_EXISTING);
            }
        }
        return folder;
    }

    private static boolean isTokenizer(Path file) {
        return file.getFileName().toString().startsWith("tokenizer");
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
