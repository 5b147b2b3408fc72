package io.millrace.telemetry.track;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** The trackers by their names. */
public final class Trackers {
    private static final Map<String, Opening> ALL = new LinkedHashMap<>();

    static {
        ALL.put("csv", (request, ignored) -> CsvTracker.open(request));
        ALL.put("tensorboard", (request, ignored) -> TensorBoardTracker.open(request));
        ALL.put("mlflow", MlflowTracker::open);
    }

    private Trackers() {}

    /** Opens a tracker; what fails later beside the run is told to a listener. */
    @FunctionalInterface
    interface Opening {
        Tracker open(TrackRequest request, Consumer<String> failed) throws IOException;
    }

    /** Their names. */
    public static List<String> names() {
        return List.copyOf(ALL.keySet());
    }

    static Tracker open(String name, TrackRequest request, Consumer<String> failed)
            throws IOException {
        return ALL.get(name).open(request, failed);
    }
}
