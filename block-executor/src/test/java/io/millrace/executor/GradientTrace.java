package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.telemetry.json.JsonObject;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Steps of a first-order method on the trained model by a loop in PyTorch; what the files hold
 * stands in {@code gradients/traces/README.md}.
 *
 * @param settings the method's
 * @param active numbers in {@code units} of what has a part in each step, empty where all has
 * @param losses before each step's update, in float64
 * @param lossDrift how far they are off in float32 at most
 * @param changes what the steps made of each tensor
 */
record GradientTrace(
        JsonObject settings,
        List<Set<Integer>> active,
        List<Double> losses,
        double lossDrift,
        List<Change> changes) {
    // Another float32 program rounds otherwise than PyTorch: ten times as far off is no fault.
    private static final double TIMES = 10;
    private static final double LEAST_LOSS = 3e-5;
    private static final double LEAST_CHANGE = 1e-4;

    /**
     * One tensor's change: its last values less its first.
     *
     * @param tensor figures of the change in float64, as those of a gradient
     * @param drift norm of the difference between the change in float32 and that
     */
    record Change(GradientGoldens.Tensor tensor, double drift) {
        /** How far another program's may be off, in norm; 0 of what never has a part. */
        double bound() {
            return Math.max(TIMES * drift, LEAST_CHANGE * tensor.norm());
        }

        /** Holds a tensor's values before the first step and after the last to the trace. */
        void check(float[] before, float[] after) {
            assertThat(after).as(tensor.name()).hasSameSizeAs(before);
            float[] change = new float[before.length];
            for (int i = 0; i < change.length; i++) {
                change[i] = after[i] - before[i];
            }
            tensor.check(change, bound());
        }
    }

    /** Reads {@code gradients/traces/NAME.json}. */
    static GradientTrace read(String name) {
        JsonObject file = Golden.parse(GradientGoldens.path("traces/" + name + ".json"));
        List<Set<Integer>> active = new ArrayList<>();
        if (file.has("active")) {
            for (Object step : file.array("active")) {
                Set<Integer> units = new TreeSet<>();
                ((List<?>) step).forEach(unit -> units.add(((Number) unit).intValue()));
                active.add(units);
            }
        }
        List<Change> changes = new ArrayList<>();
        for (Object entry : file.array("tensors")) {
            List<?> fields = (List<?>) entry;
            double drift = ((Number) fields.getLast()).doubleValue();
            changes.add(new Change(GradientGoldens.tensor(fields), drift));
        }
        return new GradientTrace(
                file.object("settings"),
                active,
                numbers(file.array("losses")),
                file.number("loss_drift"),
                changes);
    }

    /** The batches of all traces, one a step: {@code input_ids} and {@code labels} of two rows. */
    static List<JsonObject> batches() {
        Path file = GradientGoldens.path("traces/batches.json");
        return Golden.objects(Golden.parse(file).array("batches"));
    }

    static List<Double> numbers(List<?> list) {
        return list.stream().map(number -> ((Number) number).doubleValue()).toList();
    }

    /** How far another program's losses may be off. */
    double lossBound() {
        return Math.max(TIMES * lossDrift, LEAST_LOSS);
    }

    /** Holds the loss of each step, before its update, to the trace. */
    void checkLosses(List<Double> actual) {
        assertThat(actual).hasSameSizeAs(losses);
        for (int step = 0; step < losses.size(); step++) {
            assertThat(actual.get(step))
                    .as("loss of step %d", step + 1)
                    .isEqualTo(losses.get(step), within(lossBound()));
        }
    }
}
