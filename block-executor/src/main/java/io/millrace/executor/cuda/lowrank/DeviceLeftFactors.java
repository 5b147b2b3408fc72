package io.millrace.executor.cuda.lowrank;

import io.millrace.executor.cuda.kernel.LowRankKernels;
import io.millrace.executor.cuda.kernel.ThinSide;
import io.millrace.executor.cuda.weight.DeviceScratch;
import io.millrace.executor.cuda.weight.DeviceScratchPlan.Part;
import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.update.Decay;
import java.util.List;

/** Of directions whose queries make the left factor: {@code w = (L + s U) / √r}. */
final class DeviceLeftFactors implements DeviceThin {
    private final LowRankKernels kernels;
    private final DeviceScratch scratch;
    private final FactoredDirection direction;

    DeviceLeftFactors(LowRankKernels kernels, DeviceScratch scratch, FactoredDirection direction) {
        this.kernels = kernels;
        this.scratch = scratch;
        this.direction = direction;
    }

    @Override
    public void ready(At at) {
        // They are made where they are used.
    }

    @Override
    public Factors factors(At at, List<Query> queries) {
        long right = scratch.address(Part.RIGHT);
        long first = scratch.address(Part.SIDES);
        long stride = at.matrix().rows() * at.matrix().rank();
        long seed = direction.fixedSeed(at.step());
        long sides = first;
        for (Query query : queries) {
            // The first launch makes V too.
            long makes = sides == first ? right : 0;
            ThinSide side =
                    new ThinSide(
                            at.gathered(),
                            makes,
                            0,
                            sides,
                            stride,
                            Decay.NONE,
                            query.seed(),
                            query.scales());
            kernels.factors(at.matrix(), seed, 1, side);
            sides += query.scales().size() * stride * Float.BYTES;
        }
        return new Factors(right, 0, first, stride);
    }

    @Override
    public ThinSide lookUp(At at, Decay decay, Query query) {
        long right = scratch.address(Part.RIGHT);
        kernels.right(at.matrix(), direction.fixedSeed(at.step()), right);
        return new ThinSide(at.gathered(), right, 0, 0, 0, decay, query.seed(), query.scales());
    }

    @Override
    public Fold fold(At at) {
        long right = scratch.address(Part.FOLD_RIGHT);
        kernels.right(at.matrix(), direction.fixedSeed(at.step()), right);
        return new Fold(at.gathered(), right);
    }
}
