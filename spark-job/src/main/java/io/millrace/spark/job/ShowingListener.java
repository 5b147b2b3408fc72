package io.millrace.spark.job;

import java.util.List;
import org.apache.spark.scheduler.AccumulableInfo;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorMetricsUpdate;
import org.apache.spark.scheduler.SparkListenerStageCompleted;
import scala.jdk.javaapi.CollectionConverters;

/** Shows on the driver what worker 0 shows on its machine, as heartbeats bring it. */
final class ShowingListener extends SparkListener {
    private final long accumulator;
    private final DriverProgress progress = new DriverProgress();
    private List<?> before = List.of();

    ShowingListener(long accumulator) {
        this.accumulator = accumulator;
    }

    @Override
    public void onExecutorMetricsUpdate(SparkListenerExecutorMetricsUpdate update) {
        CollectionConverters.asJava(update.accumUpdates())
                .forEach(task -> CollectionConverters.asJava(task._4()).forEach(this::see));
    }

    @Override
    public void onStageCompleted(SparkListenerStageCompleted stage) {
        if (stage.stageInfo().failureReason().isDefined()) {
            String reason = stage.stageInfo().failureReason().get();
            progress.above();
            SparkTune.say(
                    "attempt "
                            + (stage.stageInfo().attemptNumber() + 1)
                            + " ended: "
                            + reason.lines().findFirst().orElse(""));
            forget();
        }
    }

    private synchronized void forget() {
        before = List.of();
    }

    private void see(AccumulableInfo info) {
        if (info.id() == accumulator && info.update().isDefined()) {
            Object value = info.update().get();
            if (value instanceof List<?> lines) {
                rest(lines);
            }
        }
    }

    /** Shows the lines that are new, and how far worker 0 is. */
    synchronized void rest(List<?> shown) {
        List<?> lines = shown.stream().filter(line -> !isProgress(line)).toList();
        // The newest lines come, so that old ones may be missing at the beginning.
        int seen = before.isEmpty() ? 0 : lines.lastIndexOf(before.get(before.size() - 1)) + 1;
        progress.above();
        lines.subList(seen, lines.size()).forEach(System.err::println);
        if (!lines.isEmpty()) {
            before = List.copyOf(lines);
        }
        if (!shown.isEmpty() && isProgress(shown.get(shown.size() - 1))) {
            progress.show(shown.get(shown.size() - 1).toString().substring(1));
        }
    }

    private static boolean isProgress(Object line) {
        return line.toString().startsWith(ShownLines.PROGRESS);
    }
}
