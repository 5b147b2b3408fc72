package io.millrace.executor.cuda.lowrank;

import io.millrace.executor.cuda.kernel.CoreKernels;
import io.millrace.executor.cuda.kernel.ThinSide;
import io.millrace.executor.cuda.weight.DeviceScratch;
import io.millrace.executor.cuda.weight.DeviceScratchPlan.Part;
import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.update.Decay;
import java.util.List;

/**
 * Of directions whose queries make the right factor: {@code w = κ U} for all of them, and V what is
 * gathered and s times their own.
 */
final class DeviceRightFactors implements DeviceThin {
    private final CoreKernels kernels;
    private final DeviceScratch scratch;
    private final FactoredDirection direction;
    private final DeviceWindows windows;

    DeviceRightFactors(
            CoreKernels kernels,
            DeviceScratch scratch,
            FactoredDirection direction,
            DeviceWindows windows) {
        this.kernels = kernels;
        this.scratch = scratch;
        this.direction = direction;
        this.windows = windows;
    }

    @Override
    public void ready(At at) {
        windows.now(at);
    }

    @Override
    public Factors factors(At at, List<Query> queries) {
        long left = scratch.address(Part.SIDES);
        kernels.sides(left(at, windows.now(at)), scale(at), false, left);
        long rights = scratch.address(Part.RIGHTS);
        long stride = at.matrix().columns() * at.matrix().rank();
        CoreKernels.Core core =
                new CoreKernels.Core(
                        at.slot().tensorId(),
                        direction.coreStream().orElseThrow(),
                        stride,
                        1,
                        at.gathered());
        long right = rights;
        for (Query query : queries) {
            kernels.cores(core, query.seed(), query.scales(), right);
            right += query.scales().size() * stride * Float.BYTES;
        }
        return new Factors(rights, stride, left, 0);
    }

    private static CoreKernels.Left left(At at, DeviceWindows.Pair pair) {
        return new CoreKernels.Left(pair.left(), at.matrix().rows(), at.matrix().rank());
    }

    private float scale(At at) {
        return direction.scale(at.matrix().rows(), at.matrix().columns());
    }

    @Override
    public ThinSide lookUp(At at, Decay decay, Query query) {
        Factors made = factors(at, List.of(query));
        return new ThinSide(
                0,
                made.right(),
                made.rightStride(),
                made.left(),
                0,
                decay,
                query.seed(),
                query.scales());
    }

    @Override
    public Fold fold(At at) {
        long place = scratch.address(Part.FOLD_SIDE);
        kernels.sides(left(at, windows.then(at)), scale(at), true, place);
        return new Fold(place, at.gathered());
    }
}
