package io.millrace.executor.plan;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.model.ModelLayout;
import io.millrace.model.program.ModelProgram;
import io.millrace.prefetch.Placement;
import io.millrace.prefetch.plan.Forecast;
import io.millrace.prefetch.plan.Machine;
import io.millrace.prefetch.plan.StepWork;
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
        return of(
                machine,
                placement,
                overlap,
                program,
                layout,
                shape.each(arithmetic.estimator().passes()),
                arithmetic,
                runs);
    }

    /**
     * The same of a step whose passes are known.
     *
     * @param passes what each is asked, of a step along the gradient the one
     */
    static Forecast of(
            Machine machine,
            Placement placement,
            boolean overlap,
            ModelProgram program,
            ModelLayout layout,
            List<StepCosts.Shape> passes,
            ArithmeticConfig arithmetic,
            int runs) {
        String direction = DirectionRates.dense(arithmetic.direction());
        List<Forecast> steps =
                StepParts.samples(
                                arithmetic.participation(), layout.parts(), arithmetic.foldEvery())
                        .stream()
                        .map(parts ->
                                Forecast.sum(
                                        works(program, layout, passes, parts, arithmetic).stream()
                                                .map(work ->
                                                        Forecast.of(
                                                                machine,
                                                                placement,
                                                                work.times(runs),
                                                                direction,
                                                                overlap))
                                                .toList()))
                        .toList();
        Forecast step = Forecast.mean(steps);
        long rows = rowBytes(layout, passes, runs);
        return rows == 0 ? step : step.afterReading((double) rows, machine);
    }

    private static List<StepWork> works(
            ModelProgram program,
            ModelLayout layout,
            List<StepCosts.Shape> passes,
            StepParts parts,
            ArithmeticConfig arithmetic) {
        return arithmetic.isReplayable()
                ? StepCosts.passes(program, layout, passes, parts)
                : List.of(GradientCosts.of(program, layout, passes.getFirst(), parts.now()));
    }

    /**
     * Of the table that lies in no block: as if no id came twice, and of one that is trained none.
     */
    private static long rowBytes(ModelLayout layout, List<StepCosts.Shape> passes, int runs) {
        StepCosts.Shape shape = passes.getFirst();
        return layout.panels()
                .alone()
                .filter(_ -> !layout.panels().later())
                .map(table -> {
                    long all = table.shape().getFirst();
                    long tokens = (long) runs * shape.batch() * shape.tokens();
                    return Math.min(tokens, all) * (table.sizeBytes() / all);
                })
                .orElse(0L);
    }
}
