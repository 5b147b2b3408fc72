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

    /** Shows the lines that are new. */
    synchronized void rest(List<?> lines) {
        // The newest lines come, so that old ones may be missing at the beginning.
        int seen = before.isEmpty() ? 0 : lines.lastIndexOf(before.get(before.size() - 1)) + 1;
        lines.subList(seen, lines.size()).forEach(System.err::println);
        if (!lines.isEmpty()) {
            before = List.copyOf(lines);
        }
    }
}
