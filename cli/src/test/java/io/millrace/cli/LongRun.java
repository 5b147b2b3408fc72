package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.DType;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A run of a second or two over a model of twelve layers, whose end is known from another one. */
final class LongRun {
    private static final Pattern SMALLEST = Pattern.compile("at least (\\d+)");

    final Path out;
    final Path log;
    private final Path expected;
    private final List<String> run;
    private final List<String> placement;

    private LongRun(Path out, Path log, Path expected, List<String> run, List<String> placement) {
        this.out = out;
        this.log = log;
        this.expected = expected;
        this.run = run;
        this.placement = placement;
    }

    /** Writes the model, and does the run once in memory without any break. */
    static LongRun prepare(Path temp, String dtype, int steps, int foldEvery, boolean streamed)
            throws IOException {
        return prepare(temp, dtype, steps, foldEvery, streamed, List.of());
    }

    /** The same with more options. */
    static LongRun prepare(
            Path temp, String dtype, int steps, int foldEvery, boolean streamed, List<String> more)
            throws IOException {
        DType stored = DType.find(dtype).orElseThrow();
        Path model = TestModel.write(temp.resolve("model"), stored, 12, 192);
        Path data = TestModel.data(temp.resolve("train.jsonl"), 20);
        Path expected = temp.resolve("expected");
        RealCommand command = new RealCommand(model);
        List<String> usual =
                List.of(
                        "tune",
                        "--model=" + model,
                        "--train=" + data,
                        "--steps=" + steps,
                        "--batch-size=4",
                        "--lr=1e-4",
                        "--weight-decay=0.1",
                        "--seed=77",
                        "--fold-every=" + foldEvery);
        List<String> run = RealCommand.with(usual, more.toArray(String[]::new));
        command.done(RealCommand.with(run, "--out=" + expected));
        Path out = temp.resolve("out");
        List<String> options = RealCommand.with(run, "--out=" + out);
        List<String> placement = new ArrayList<>(List.of("--checkpoint-every=3"));
        if (streamed) {
            placement.add("--host-budget=" + smallestBudget(command, options));
        }
        return new LongRun(out, temp.resolve("log"), expected, options, placement);
    }

    /** The smallest host budget that the run works with. */
    long smallestHostBudget() {
        return Long.parseLong(smallestBudget(new RealCommand(expected), run));
    }

    private static String smallestBudget(RealCommand command, List<String> options) {
        return smallest(command.refused(RealCommand.with(options, "--host-budget=4KiB")));
    }

    /** The budget that a refusal names. */
    static String smallest(String line) {
        Matcher matcher = SMALLEST.matcher(line);
        assertThat(matcher.find()).as(line).isTrue();
        return matcher.group(1);
    }

    /** Begins the run or, where its journal has a header, goes on with it. */
    ChildProcess start() throws IOException {
        return start(placement);
    }

    /** The same, placed in another way. */
    ChildProcess start(List<String> place) throws IOException {
        return start(place, "");
    }

    /** The same on a drive with faults, as {@code millrace.faults} has them. */
    ChildProcess start(List<String> place, String faults) throws IOException {
        List<String> options = new ArrayList<>(run);
        options.addAll(place);
        if (journalLines() > 0) {
            options.add("--resume");
        }
        if (faults.isEmpty()) {
            return ChildProcess.start(log, options);
        }
        String java = "JDK_JAVA_OPTIONS=-Dmillrace.faults=" + faults;
        return ChildProcess.start(log, List.of("env", "--default-signal=INT", java), options);
    }

    /** Whole lines in the journal, 0 where there is none. */
    long journalLines() {
        Path journal = out.resolve("journal.jsonl");
        try {
            return Files.isRegularFile(journal)
                    ? Files.readString(journal).chars().filter(c -> c == '\n').count()
                    : 0;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Whether weights are being written: to a checkpoint, or as the result. */
    boolean isSaving() {
        return isSaving(out) || isSaving(out.resolve("checkpoints"));
    }

    private static boolean isSaving(Path folder) {
        if (!Files.isDirectory(folder)) {
            return false;
        }
        try (Stream<Path> files = Files.walk(folder, 2)) {
            return files.anyMatch(file -> file.toString().endsWith(".part"));
        } catch (IOException | UncheckedIOException e) {
            // A file that is gone again while it is looked at.
            return true;
        }
    }

    /** What the folder says of the model, but for the folder's own name. */
    private static String card(Path folder) throws IOException {
        String name = folder.getFileName().toString();
        return Files.readString(folder.resolve("README.md"))
                .replace("# " + name + "\n", "# NAME\n")
                .replace('"' + name + '"', "\"NAME\"");
    }

    /** All but times and options has the bytes of the run without a break; nothing is left. */
    void assertSameEnd(String description) throws IOException {
        Set<String> told = Set.of("metrics.jsonl", "run.json", "recipe.yaml", "run.html");
        List<String> names = names(expected);
        assertThat(names).contains("journal.jsonl").anyMatch(name -> name.endsWith(".safetensors"));
        assertThat(names(out)).as(description).containsExactlyInAnyOrderElementsOf(names);
        for (String name : names) {
            if (told.contains(name)) {
                continue;
            }
            if (name.equals("README.md")) {
                assertThat(card(out)).as(description).isEqualTo(card(expected));
                continue;
            }
            assertThat(Files.mismatch(out.resolve(name), expected.resolve(name)))
                    .as("%s: first difference in %s", description, name)
                    .isEqualTo(-1);
        }
        List<Long> measured = new ArrayList<>();
        for (String line : Files.readAllLines(out.resolve("metrics.jsonl"))) {
            JsonObject fields = Json.parseObject(line);
            if (fields.has("step_seconds")) {
                measured.add(fields.integer("step"));
            }
        }
        // A kill may come between a step's journal line and its metrics line.
        assertThat(measured).as(description).isSorted().doesNotHaveDuplicates();
        assertThat(measured.size()).as(description).isGreaterThan((int) journalLines() / 2);
    }

    private static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }
}
