package io.millrace.executor.cpu;

import io.millrace.executor.companion.Companions;
import io.millrace.executor.cpu.gradient.BackwardPass;
import io.millrace.executor.cpu.gradient.BackwardPlan;
import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.scratch.Intermediates;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.scratch.ScratchPlan;
import io.millrace.executor.cpu.weight.KeptRows;
import io.millrace.executor.cpu.weight.WeightPasses;
import io.millrace.executor.step.Engine;
import io.millrace.executor.step.Forward;
import io.millrace.memory.OwnedResources;
import io.millrace.memory.nvme.RowReader;
import io.millrace.memory.nvme.SpillFile;
import io.millrace.model.ModelLayout;
import io.millrace.model.program.ModelProgram;
import java.util.List;
import java.util.Optional;

/**
 * Forwards on workers that are not started yet.
 *
 * @param program what its blocks compute
 * @param layout its blocks
 * @param scratch memory for activations
 * @param passes which way the direction is run
 * @param workers threads at work
 * @param back memory for the way back; empty where nobody asks for a gradient
 */
record CpuPlan(
        ModelProgram program,
        ModelLayout layout,
        ScratchPlan scratch,
        PassesPlan passes,
        int workers,
        Optional<BackwardPlan> back)
        implements Engine.Plan {
    @Override
    public Engine.Need need() {
        List<Long> spills = back.map(BackwardPlan::spills).orElse(List.of());
        return new Engine.Need(
                ownBytes() + Intermediates.bytes(List.of(scratch)),
                stagingBytes(layout) + (spills.isEmpty() ? 0 : SpillFile.bufferBytes()),
                spills);
    }

    @Override
    public Optional<Engine.Plan> spilling() {
        return back.flatMap(BackwardPlan::spilling)
                .map(less ->
                        new CpuPlan(program, layout, scratch, passes, workers, Optional.of(less)));
    }

    /** Host memory that rows of a table come through which lies in no block. */
    static long stagingBytes(ModelLayout layout) {
        return layout.panels()
                .alone()
                .map(table -> RowReader.stagingBytes(table.sizeBytes() / table.shape().getFirst()))
                .orElse(0L);
    }

    /** Bytes that no other forward can have, whoever takes turns with it. */
    long ownBytes() {
        return scratch.ownBytes()
                + passes.bytes(layout)
                + Companions.bytes(layout)
                + KeptRows.bytes(layout)
                + back.map(BackwardPlan::bytes).orElse(0L);
    }

    @Override
    public Forward start(Engine.Place place) {
        OwnedResources owned = new OwnedResources();
        try {
            CpuWorkers started = owned.own(new CpuWorkers(workers));
            Intermediates passing =
                    owned.own(new Intermediates(place.deviceMemory(), List.of(scratch)));
            return start(place, started, passing, owned);
        } catch (RuntimeException | Error e) {
            try (owned) {
                throw e;
            }
        }
    }

    /**
     * The forward on workers and intermediates that are there already.
     *
     * @param owned closed with the forward
     */
    DecoderForward start(
            Engine.Place place, CpuWorkers started, Intermediates passing, OwnedResources owned) {
        WeightPasses opened = owned.own(passes.open(started.pool(), layout, place.deviceMemory()));
        Scratch memory =
                owned.own(
                        new Scratch(
                                place.deviceMemory(), program, passes.size(), scratch, passing));
        Companions companions =
                owned.own(Companions.open(place.deviceMemory(), layout, place.beside()));
        Optional<BackwardPass> backward =
                back.map(plan ->
                        owned.own(
                                new BackwardPass(
                                        new BackwardPass.Site(
                                                program,
                                                layout,
                                                memory,
                                                opened,
                                                started,
                                                companions),
                                        place,
                                        plan,
                                        passes.arithmetic().gradient())));
        return new DecoderForward(
                layout, place, memory, opened, started, companions, backward, owned);
    }
}
