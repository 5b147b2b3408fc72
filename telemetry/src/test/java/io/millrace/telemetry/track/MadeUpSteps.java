package io.millrace.telemetry.track;

import io.millrace.telemetry.EvalMetrics;
import io.millrace.telemetry.Lane;
import io.millrace.telemetry.LaneUse;
import io.millrace.telemetry.OperatorUse;
import io.millrace.telemetry.StepMetrics;
import io.millrace.telemetry.StepOverlap;
import java.util.Arrays;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Figures that tell their step. */
final class MadeUpSteps {
    private MadeUpSteps() {}

    static StepMetrics step(long step) {
        Map<Lane, LaneUse> lanes =
                Arrays.stream(Lane.values())
                        .collect(
                                Collectors.toMap(Function.identity(), lane -> new LaneUse(0.5, 7)));
        StepOverlap overlap = new StepOverlap(2, lanes, 0.75, 0.125, 0.5, Lane.COMPUTE, 0.25);
        return new StepMetrics(
                step, 10.0 / step, -step, 1e-6, 400, overlap, new OperatorUse(0, Map.of()), 0);
    }

    static EvalMetrics evaluation(long step) {
        return new EvalMetrics(step, step + 0.5, OptionalDouble.of(0.25), "data");
    }
}
