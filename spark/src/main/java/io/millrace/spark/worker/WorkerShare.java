package io.millrace.spark.worker;

import io.millrace.executor.config.DataConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.OutputConfig;
import io.millrace.executor.config.data.TrackConfig;
import io.millrace.executor.config.data.WorkersConfig;
import io.millrace.optim.option.Option;
import io.millrace.prefetch.plan.AvailableMemory;
import io.millrace.spark.keeper.WorkerSeat;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What of a run's options is a worker's own: its folder, its part of the machine, what it is to
 * show.
 */
final class WorkerShare {
    private static final List<Option<Long>> BUDGETS =
            List.of(MemoryConfig.DEVICE_BUDGET, MemoryConfig.HOST_BUDGET, MemoryConfig.NVME_BUDGET);
    private static final List<Option<?>> FILES = List.of(DataConfig.TRAIN, DataConfig.EVAL);

    private WorkerShare() {}

    /** The options of one of the workers of a run. */
    static Map<String, Object> of(WorkerOrder order, WorkerSeat seat) {
        Map<String, Object> options = new LinkedHashMap<>(order.options());
        options.computeIfPresent(
                OutputConfig.OUT.name(),
                (_, out) -> WorkersConfig.folder(Path.of(out.toString()), seat.rank()).toString());
        if (seat.rank() > 0) {
            options.remove(OutputConfig.METRICS_PORT.name());
            options.computeIfPresent(
                    OutputConfig.TRACE.name(), (_, _) -> timeline(seat.rank()).toString());
            TrackConfig.OPTIONS.forEach(option -> options.remove(option.name()));
        }
        if (order.sharers() > 1) {
            divide(options, order.sharers());
        }
        if (!seat.device().isEmpty()) {
            options.put(MemoryConfig.DEVICE.name(), seat.device());
        }
        if (!seat.files().isEmpty()) {
            FILES.forEach(option ->
                    options.computeIfPresent(
                            option.name(), (_, file) -> brought(file.toString(), seat.files())));
        }
        return options;
    }

    /** Where a worker keeps its timeline until worker 0 gets it; nobody else is told. */
    static Path timeline(int rank) {
        return Path.of(
                System.getProperty("java.io.tmpdir"),
                "millrace-timeline-" + ProcessHandle.current().pid() + "-" + rank + ".json");
    }

    private static void divide(Map<String, Object> options, int sharers) {
        for (Option<Long> budget : BUDGETS) {
            options.computeIfPresent(
                    budget.name(), (_, given) -> budget.type().read().apply(given) / sharers);
        }
        long free = AvailableMemory.read().forRun();
        if (free > 0) {
            options.putIfAbsent(MemoryConfig.HOST_BUDGET.name(), free / sharers);
        }
    }

    /** A file where it was brought; those that were not have to lie here as they lie elsewhere. */
    private static String brought(String file, String folder) {
        Path there = Path.of(folder).resolve(Path.of(file).getFileName());
        return Files.exists(there) ? there.toString() : file;
    }
}
