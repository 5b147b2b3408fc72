package io.millrace.executor.cuda.lowrank;

import io.millrace.executor.cuda.kernel.CoreKernels;
import io.millrace.executor.cuda.kernel.ThinSide;
import io.millrace.executor.cuda.weight.DeviceScratch;
import io.millrace.executor.cuda.weight.DeviceScratchPlan.Part;
import io.millrace.executor.step.LowRankSize;
import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.direction.FactoredDirection.Core;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.update.Decay;
import java.util.List;

/** Of directions with a core between fixed factors: {@code w = U (κ C)}. */
final class DeviceFixedFactors implements DeviceThin {
    private final CoreKernels kernels;
    private final DeviceScratch scratch;
    private final FactoredDirection direction;
    private final LowRankSize size;
    private final DeviceWindows windows;

    DeviceFixedFactors(
            CoreKernels kernels,
            DeviceScratch scratch,
            FactoredDirection direction,
            DeviceWindows windows) {
        this.kernels = kernels;
        this.scratch = scratch;
        this.direction = direction;
        this.windows = windows;
        size = scratch.plan().factors().orElseThrow().size();
    }

    @Override
    public void ready(At at) {
        windows.now(at);
    }

    @Override
    public Factors factors(At at, List<Query> queries) {
        DeviceWindows.Pair pair = windows.now(at);
        long cores = scratch.address(Part.CORES);
        long core = cores;
        int scales = 0;
        for (Query query : queries) {
            kernels.cores(core(at), query.seed(), query.scales(), core);
            core += query.scales().size() * floats(at) * Float.BYTES;
            scales += query.scales().size();
        }
        long place = scratch.address(Part.SIDES);
        sides(at, pair, cores, scales, false, place);
        return new Factors(pair.right(), 0, place, at.matrix().rows() * at.matrix().rank());
    }

    @Override
    public ThinSide lookUp(At at, Decay decay, Query query) {
        Factors made = factors(at, List.of(query));
        return new ThinSide(
                0,
                made.right(),
                0,
                made.left(),
                made.leftStride(),
                decay,
                query.seed(),
                query.scales());
    }

    @Override
    public Fold fold(At at) {
        DeviceWindows.Pair pair = windows.then(at);
        long core = scratch.address(Part.CORES) + foldCore();
        kernels.cores(core(at), 0, List.of(), core);
        long place = scratch.address(Part.FOLD_SIDE);
        sides(at, pair, core, 1, true, place);
        return new Fold(place, pair.right());
    }

    /** Bytes of the cores of all scales. */
    private long foldCore() {
        return size.cores() / (size.scales() + 1) * size.scales() * Float.BYTES;
    }

    private void sides(
            At at, DeviceWindows.Pair pair, long cores, int count, boolean byRows, long place) {
        kernels.sides(
                new CoreKernels.Left(pair.left(), at.matrix().rows(), at.matrix().rank()),
                cores,
                direction.core() == Core.DIAGONAL,
                count,
                byRows,
                place);
    }

    private long floats(At at) {
        return direction
                .core()
                .floats(at.matrix().rows(), at.matrix().columns(), at.matrix().rank());
    }

    private CoreKernels.Core core(At at) {
        return new CoreKernels.Core(
                at.slot().tensorId(),
                direction.coreStream().orElseThrow(),
                floats(at),
                direction.scale(at.matrix().rows(), at.matrix().columns()),
                at.gathered());
    }
}
