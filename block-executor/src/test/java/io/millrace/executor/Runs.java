package io.millrace.executor;

import io.millrace.executor.config.RunListener;
import io.millrace.executor.config.StepProgress;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;

/** Small tuning runs for tests, and what they leave behind. */
final class Runs {
    private Runs() {}

    /** Tokenised rows of different lengths that a vocabulary of 320 has. */
    static Path data(Path folder, long seed, int rows) throws IOException {
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
    static TuneConfigBuilder config(String golden, Path data, Path out) {
        return config(Golden.path(golden), data, out);
    }

    /** The same for any model. */
    static TuneConfigBuilder config(Path model, Path data, Path out) {
        return TuneConfig.builder(model, data, out)
                .batchSize(4)
                .steps(7)
                .seed(0x1234_5678_9abc_def0L)
                .lr(1e-4)
                .weightDecay(0.1)
                .queries(2);
    }

    /** Every file that a run's result consists of, by name; times and options are left out. */
    static Map<String, byte[]> result(Path out) throws IOException {
        Map<String, byte[]> files = new TreeMap<>();
        try (Stream<Path> entries = Files.list(out)) {
            for (Path entry : entries.filter(Files::isRegularFile).toList()) {
                String name = entry.getFileName().toString();
                if (!name.equals("metrics.jsonl") && !name.equals("run.json")) {
                    files.put(name, Files.readAllBytes(entry));
                }
            }
        }
        return files;
    }

    /** A listener that asks a run to stop once a step is done. */
    static RunListener stopAfter(long step) {
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
}
