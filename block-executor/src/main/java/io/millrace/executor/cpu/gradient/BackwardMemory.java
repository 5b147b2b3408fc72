package io.millrace.executor.cpu.gradient;

import io.millrace.executor.cpu.gradient.BackwardPlan.Part;
import io.millrace.executor.step.Floats;
import io.millrace.memory.OwnedResources;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.memory.nvme.SpillFile;
import io.millrace.model.ModelLayout;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/** The memory of a way back, taken as a {@link BackwardPlan} says. */
final class BackwardMemory implements AutoCloseable {
    private final OwnedResources owned = new OwnedResources();
    private final boolean tied;
    private final Tape tape;
    private final Map<Part, Floats> parts = new EnumMap<>(Part.class);
    private final BlockGradients gradients;
    private final BlockGradients ends;
    private final LayerInputs inputs;

    BackwardMemory(
            HostMemory memory, ModelLayout layout, BackwardPlan plan, Optional<SpillFile> spills) {
        tied = layout.isTied();
        try {
            tape = owned.own(new Tape(memory, plan.tape()));
            for (Part part : Part.values()) {
                HostSlab slab = owned.own(memory.allocate(part.purpose(), plan.bytes(part)));
                parts.put(part, new Floats(slab.segment(), 0));
            }
        } catch (RuntimeException | Error e) {
            owned.close();
            throw e;
        }
        gradients = new BlockGradients(of(Part.GRADIENTS));
        ends = new BlockGradients(of(plan.spills().isEmpty() ? Part.ENDS : Part.GRADIENTS));
        inputs =
                owned.own(
                        new LayerInputs(
                                of(Part.INPUTS),
                                of(Part.GRADIENTS),
                                plan,
                                spills.filter(_ -> !plan.spills().isEmpty())));
    }

    Tape tape() {
        return tape;
    }

    /** Where the gradients of a block's tensors are. */
    BlockGradients gradients(int block) {
        return tied && block == 0 ? ends : gradients;
    }

    /** What came into layers. */
    LayerInputs inputs() {
        return inputs;
    }

    /** Where a part lies. */
    Floats of(Part part) {
        return parts.get(part);
    }

    @Override
    public void close() {
        owned.close();
    }
}
