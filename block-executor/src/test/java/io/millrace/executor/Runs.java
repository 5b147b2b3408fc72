package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.listen.StepProgress;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.device.DeviceName;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.synthetic.SyntheticModel;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.LongConsumer;
import java.util.function.LongFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Small tuning runs for tests, and what they leave behind. */
public final class Runs {
    private static final Pattern SMALLEST = Pattern.compile("at least (\\d+)");

    /** What tells of a run and is not its result: times and places differ. */
    private static final Set<String> ABOUT =
            Set.of("metrics.jsonl", "run.json", "recipe.yaml", "run.html", "README.md");

    private Runs() {}

    /** Tokenised rows of different lengths that a vocabulary of 320 has. */
    public static Path data(Path folder, long seed, int rows) throws IOException {
        Random random = new Random(seed);
        List<List<Long>> ids = new ArrayList<>();
        for (int row = 0; row < rows; row++) {
            List<Long> line = new ArrayList<>();
            int length = 3 + random.nextInt(20);
            for (int token = 0; token < length; token++) {
                line.add((long) random.nextInt(320));
            }
            ids.add(line);
        }
        return Golden.writeTokenised(folder.resolve("train-" + seed + ".jsonl"), ids, ids);
    }

    /** A short run with every arithmetic feature that can matter for bytes. */
    public static TuneConfigBuilder config(String golden, Path data, Path out) {
        return config(Golden.path(golden), data, out);
    }

    /** The same for any model. */
    public static TuneConfigBuilder config(Path model, Path data, Path out) {
        return TuneConfig.builder(model, data, out)
                .batchSize(4)
                .steps(7)
                .seed(0x1234_5678_9abc_def0L)
                .lr(1e-4)
                .weightDecay(0.1)
                .queries(2);
    }

    /** Every file that a run's result consists of, by name; times and options are left out. */
    public static Map<String, byte[]> result(Path out) throws IOException {
        Map<String, byte[]> files = new TreeMap<>();
        try (Stream<Path> entries = Files.list(out)) {
            for (Path entry : entries.filter(Files::isRegularFile).toList()) {
                String name = entry.getFileName().toString();
                if (!ABOUT.contains(name)) {
                    files.put(name, Files.readAllBytes(entry));
                }
            }
        }
        return files;
    }

    /** A budget of host memory on a device that computes in it. */
    public static MemoryConfig host(DeviceName device, long budget) {
        return memory(device, OptionalLong.of(budget));
    }

    /** A device, two blocks ahead, with as much host memory as there is where none is told. */
    public static MemoryConfig memory(DeviceName device, OptionalLong hostBudget) {
        return new MemoryConfig(
                device,
                OptionalLong.empty(),
                hostBudget,
                Optional.empty(),
                OptionalLong.empty(),
                2,
                true);
    }

    /** A listener that asks a run to stop once a step is done. */
    public static RunListener stopAfter(long step) {
        return new RunListener() {
            private long done;

            @Override
            public void onStep(StepProgress progress) {
                done = progress.step();
            }

            @Override
            public boolean stopRequested() {
                return done >= step;
            }
        };
    }

    /** A model of twelve layers with random weights of a golden configuration. */
    public static Path deepModel(Path folder, String kind, String dtype) throws IOException {
        return model(folder, kind, dtype, 12, 192, 512);
    }

    /** A model with random weights of a golden configuration but for its sizes. */
    public static Path model(
            Path folder, String kind, String dtype, long layers, long hidden, long inner)
            throws IOException {
        Map<String, Object> fields =
                new LinkedHashMap<>(Golden.json(kind + "/config.json").fields());
        fields.put("num_hidden_layers", layers);
        fields.put("hidden_size", hidden);
        fields.put(kind.equals("opt") ? "ffn_dim" : "intermediate_size", inner);
        fields.computeIfPresent("word_embed_proj_dim", (name, width) -> hidden);
        SyntheticModel.write(
                ModelConfig.of("config.json", new JsonObject(fields)),
                DType.find(dtype).orElseThrow(),
                7,
                folder,
                bytes -> {});
        return folder;
    }

    /** The budget that a run with next to nothing is told to take, and that then works. */
    public static long smallestBudget(LongFunction<TuneConfigBuilder> run) {
        return smallestThatWorks(
                budget -> TuningRun.run(run.apply(budget).build(), RunListener.SILENT));
    }

    /** The same for anything that is refused as a run is. */
    public static long smallestThatWorks(LongConsumer run) {
        long budget = 4096;
        for (int attempt = 0; attempt < 4; attempt++) {
            try {
                run.accept(budget);
                return budget;
            } catch (BadInputException e) {
                Matcher matcher = SMALLEST.matcher(e.getMessage());
                assertThat(matcher.find()).as(e.getMessage()).isTrue();
                assertThat(Long.parseLong(matcher.group(1))).isGreaterThan(budget);
                budget = Long.parseLong(matcher.group(1));
            }
        }
        throw new AssertionError("four refusals, and none named a budget that works");
    }

    /** Fails where a run's result is not that of another, byte for byte. */
    public static void assertSame(Path out, Map<String, byte[]> expected, String what)
            throws IOException {
        Map<String, byte[]> actual = result(out);
        assertThat(actual.keySet()).as(what).isEqualTo(expected.keySet());
        for (Map.Entry<String, byte[]> file : expected.entrySet()) {
            assertThat(actual.get(file.getKey()))
                    .as("%s: %s", what, file.getKey())
                    .isEqualTo(file.getValue());
        }
    }

    /** A listener that ends a run from within once a step is done, as if it had failed there. */
    public static RunListener cutAfter(long step) {
        return new RunListener() {
            @Override
            public void onStep(StepProgress progress) {
                if (progress.step() >= step) {
                    throw new Cut();
                }
            }
        };
    }

    /** The end that {@link #cutAfter} makes. */
    public static final class Cut extends RuntimeException {
        private static final long serialVersionUID = 1;
    }
}
