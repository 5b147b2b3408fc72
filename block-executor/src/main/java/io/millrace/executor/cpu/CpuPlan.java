package io.millrace.executor.cpu;

import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.scratch.ScratchPlan;
import io.millrace.executor.cpu.weight.WeightPasses;
import io.millrace.executor.step.Engine;
import io.millrace.executor.step.Forward;
import io.millrace.memory.OwnedResources;
import io.millrace.model.ModelLayout;
import io.millrace.model.spec.DecoderSpec;

/**
 * Forwards on workers that are not started yet.
 *
 * @param spec the model
 * @param layout its blocks
 * @param scratch memory for activations
 * @param passes which way the direction is run
 * @param workers threads at work
 */
record CpuPlan(
        DecoderSpec spec, ModelLayout layout, ScratchPlan scratch, PassesPlan passes, int workers)
        implements Engine.Plan {
    @Override
    public Engine.Need need() {
        return new Engine.Need(scratch.bytes() + passes.bytes(layout), 0);
    }

    @Override
    public Forward start(Engine.Place place) {
        OwnedResources owned = new OwnedResources();
        try {
            CpuWorkers started = owned.own(new CpuWorkers(workers));
            WeightPasses opened =
                    owned.own(passes.open(started.pool(), layout, place.deviceMemory()));
            Scratch memory =
                    owned.own(new Scratch(place.deviceMemory(), spec, passes.size(), scratch));
            return new DecoderForward(
                    spec, layout, place.feed(), memory, opened, started, owned, place.spans());
        } catch (RuntimeException | Error e) {
            try (owned) {
                throw e;
            }
        }
    }
}
