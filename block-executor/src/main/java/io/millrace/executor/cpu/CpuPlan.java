package io.millrace.executor.cpu;

import io.millrace.executor.companion.Companions;
import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.scratch.ScratchPlan;
import io.millrace.executor.cpu.weight.WeightPasses;
import io.millrace.executor.step.Engine;
import io.millrace.executor.step.Forward;
import io.millrace.memory.OwnedResources;
import io.millrace.model.ModelLayout;
import io.millrace.model.program.ModelProgram;

/**
 * Forwards on workers that are not started yet.
 *
 * @param program what its blocks compute
 * @param layout its blocks
 * @param scratch memory for activations
 * @param passes which way the direction is run
 * @param workers threads at work
 */
record CpuPlan(
        ModelProgram program,
        ModelLayout layout,
        ScratchPlan scratch,
        PassesPlan passes,
        int workers)
        implements Engine.Plan {
    @Override
    public Engine.Need need() {
        return new Engine.Need(
                scratch.bytes() + passes.bytes(layout) + Companions.bytes(layout), 0);
    }

    @Override
    public Forward start(Engine.Place place) {
        OwnedResources owned = new OwnedResources();
        try {
            CpuWorkers started = owned.own(new CpuWorkers(workers));
            WeightPasses opened =
                    owned.own(passes.open(started.pool(), layout, place.deviceMemory()));
            Scratch memory =
                    owned.own(new Scratch(place.deviceMemory(), program, passes.size(), scratch));
            Companions companions =
                    owned.own(Companions.open(place.deviceMemory(), layout, place.beside()));
            return new DecoderForward(
                    layout,
                    place.feed(),
                    memory,
                    opened,
                    started,
                    companions,
                    owned,
                    place.spans());
        } catch (RuntimeException | Error e) {
            try (owned) {
                throw e;
            }
        }
    }
}
