package io.millrace.telemetry.track;

import io.millrace.telemetry.EvalMetrics;
import io.millrace.telemetry.StepMetrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;

/**
 * An event file for TensorBoard in the folder {@code tensorboard}. A run that goes on appends to
 * the file that it began, so that no step is there twice.
 */
final class TensorBoardTracker implements Tracker {
    private static final String PREFIX = "events.out.tfevents.";

    private final TfRecords records;

    private TensorBoardTracker(TfRecords records) {
        this.records = records;
    }

    static TensorBoardTracker open(TrackRequest request) throws IOException {
        Path folder = Files.createDirectories(request.folder().resolve("tensorboard"));
        TfRecords records =
                TfRecords.append(
                        file(folder), event -> EventMessage.step(event) < request.firstStep());
        TensorBoardTracker tracker = new TensorBoardTracker(records);
        if (records.size() == 0) {
            records.write(EventMessage.version(now()));
        }
        return tracker;
    }

    private static Path file(Path folder) throws IOException {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.filter(entry -> entry.getFileName().toString().startsWith(PREFIX))
                    .sorted()
                    .findFirst()
                    .orElseGet(() -> folder.resolve(PREFIX + (long) now() + ".millrace"));
        }
    }

    private static double now() {
        return System.currentTimeMillis() / 1e3;
    }

    @Override
    public void step(StepMetrics metrics) throws IOException {
        write(metrics.step(), TrackedScalars.of(metrics));
    }

    @Override
    public void evaluation(EvalMetrics metrics) throws IOException {
        write(metrics.step(), TrackedScalars.of(metrics));
    }

    private void write(long step, Map<String, Double> scalars) throws IOException {
        records.write(EventMessage.scalars(now(), step, scalars));
    }

    @Override
    public void close() throws IOException {
        records.close();
    }
}
