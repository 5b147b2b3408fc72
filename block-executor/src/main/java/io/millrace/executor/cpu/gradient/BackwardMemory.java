package io.millrace.executor.cpu.gradient;

import io.millrace.executor.step.Floats;
import io.millrace.memory.OwnedResources;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.model.ModelLayout;

/** The memory of a way back, taken as a {@link BackwardPlan} says. */
final class BackwardMemory implements AutoCloseable {
    private final OwnedResources owned = new OwnedResources();
    private final HostMemory memory;
    private final boolean tied;
    private final Tape tape;
    private final BlockGradients gradients;
    private final BlockGradients ends;
    private final Floats inputs;
    private final Floats flow;
    private final Floats carried;
    private final Floats held;
    private final Floats logits;
    private final Floats panel;
    private final Floats factors;
    private final Floats thin;
    private final Floats vector;
    private final Floats partials;
    private final Floats tiles;

    BackwardMemory(HostMemory memory, ModelLayout layout, BackwardPlan plan) {
        this.memory = memory;
        tied = layout.isTied();
        try {
            tape = owned.own(new Tape(memory, plan.tape()));
            gradients =
                    owned.own(
                            new BlockGradients(
                                    memory, "gradients of a block", plan.blocks().gradients()));
            ends =
                    owned.own(
                            new BlockGradients(
                                    memory, "gradients of both ends", plan.blocks().ends()));
            inputs = take("what came into layers", plan.batch().inputs());
            flow = take("the gradient of the stream", plan.batch().flow());
            carried = take("the gradient of what is carried", plan.batch().carried());
            held = take("the gradient of what experts were given", plan.batch().held());
            logits = take("logits of a few rows", plan.work().logits());
            panel = take("a panel of weights", plan.work().panel());
            factors = take("thin factors", plan.work().factors());
            thin = take("products with thin factors", plan.work().thin());
            vector = take("a vector of weights", plan.work().vector());
            partials = take("sums over some rows", plan.work().partials());
            tiles = take("tiles of attention", plan.work().tiles());
        } catch (RuntimeException | Error e) {
            owned.close();
            throw e;
        }
    }

    private Floats take(String purpose, long floats) {
        HostSlab slab = owned.own(memory.allocate(purpose, Math.max(1, floats) * Float.BYTES));
        return new Floats(slab.segment(), 0);
    }

    Tape tape() {
        return tape;
    }

    /** Where the gradients of a block's tensors are. */
    BlockGradients gradients(int block) {
        return tied && block == 0 ? ends : gradients;
    }

    Floats inputs() {
        return inputs;
    }

    Floats flow() {
        return flow;
    }

    Floats carried() {
        return carried;
    }

    Floats held() {
        return held;
    }

    Floats logits() {
        return logits;
    }

    Floats panel() {
        return panel;
    }

    Floats factors() {
        return factors;
    }

    Floats thin() {
        return thin;
    }

    Floats vector() {
        return vector;
    }

    Floats partials() {
        return partials;
    }

    Floats tiles() {
        return tiles;
    }

    @Override
    public void close() {
        owned.close();
    }
}
