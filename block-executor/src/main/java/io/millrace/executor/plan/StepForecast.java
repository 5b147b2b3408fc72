package io.millrace.executor.plan;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.model.ModelLayout;
import io.millrace.model.program.ModelProgram;
import io.millrace.prefetch.Placement;
import io.millrace.prefetch.plan.Forecast;
import io.millrace.prefetch.plan.Machine;
import java.util.List;

/**
 * What a step of a run costs, or of several that share its passes: all of its passes one after
 * another, and where layers are drawn for each step, the mean of several.
 */
final class StepForecast {
    private StepForecast() {}

    static Forecast of(
            Machine machine,
            Placement placement,
            boolean overlap,
            ModelProgram program,
            ModelLayout layout,
            StepCosts.Shape shape,
            ArithmeticConfig arithmetic,
            int runs) {
        String direction = DirectionRates.dense(arithmetic.direction());
        List<Forecast> steps =
                StepParts.samples(
                                arithmetic.participation(), layout.parts(), arithmetic.foldEvery())
                        .stream()
                        .map(parts ->
                                Forecast.sum(
                                        StepCosts.passes(
                                                        program,
                                                        layout,
                                                        shape,
                                                        parts,
                                                        arithmetic.estimator().passes())
                                                .stream()
                                                .map(work ->
                                                        Forecast.of(
                                                                machine,
                                                                placement,
                                                                work.times(runs),
                                                                direction,
                                                                overlap))
                                                .toList()))
                        .toList();
        return Forecast.mean(steps);
    }
}
