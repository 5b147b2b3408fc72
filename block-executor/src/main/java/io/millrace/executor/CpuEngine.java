package io.millrace.executor;

import io.millrace.model.ModelLayout;
import io.millrace.model.spec.DecoderSpec;
import io.millrace.optim.Directions;

/** Forwards on the workers of a CPU, in memory that they can address. */
final class CpuEngine implements Engine {
    private ScratchPlan plan;

    @Override
    public Need plan(
            DecoderSpec spec, ModelLayout layout, ScratchSize size, int workers, boolean saves) {
        plan = ScratchPlan.of(spec, size, workers);
        return new Need(plan.bytes(), 0);
    }

    @Override
    public Forward start(Place place) {
        Arithmetic arithmetic = place.arithmetic();
        WeightPasses passes =
                new WeightPasses(
                        place.workers().pool(),
                        Directions.named(arithmetic.direction()),
                        arithmetic.rounding(),
                        arithmetic.foldEvery(),
                        place.size().scalesPerProbe());
        Scratch scratch = new Scratch(place.deviceMemory(), place.spec(), place.size(), plan);
        return new DecoderForward(
                place.spec(),
                place.layout(),
                place.feed(),
                scratch,
                passes,
                place.workers(),
                place.spans());
    }
}
