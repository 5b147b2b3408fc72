package io.millrace.executor.cuda.lowrank;

import io.millrace.executor.cuda.kernel.CoreKernels;
import io.millrace.executor.cuda.kernel.ThinSide;
import io.millrace.executor.cuda.weight.DeviceScratch;
import io.millrace.executor.cuda.weight.DeviceScratchPlan.Part;
import io.millrace.executor.cuda.weight.FactorLayout;
import io.millrace.executor.step.LowRankSize;
import io.millrace.memory.TensorSlot;
import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.direction.FactoredDirection.Core;
import io.millrace.optim.direction.FactoredDirection.Streams;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.update.Decay;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Of directions with a core between fixed factors: {@code w = U (κ C)}. Orthonormal factors are
 * made once a window and kept; others where they are used, and again for the next matrix.
 */
final class DeviceFixedFactors implements DeviceThin {
    private final CoreKernels kernels;
    private final DeviceScratch scratch;
    private final FactoredDirection direction;
    private final Streams streams;
    private final FactorLayout layout;
    private final Map<Integer, Long> windows = new HashMap<>(); // of kept factors, by matrix
    private Optional<Made> now = Optional.empty(); // what LEFT and RIGHT hold
    private Optional<Made> past = Optional.empty(); // what FOLD_LEFT and FOLD_RIGHT hold

    /** Which factors: the matrix's, of a window. */
    private record Made(int tensorId, long window) {}

    /** Both of them: U, [r, m], and V, [r, n]. */
    private record Pair(long left, long right) {}

    DeviceFixedFactors(
            CoreKernels kernels,
            DeviceScratch scratch,
            FactoredDirection direction,
            Streams streams) {
        this.kernels = kernels;
        this.scratch = scratch;
        this.direction = direction;
        this.streams = streams;
        layout = scratch.plan().factors().orElseThrow();
    }

    @Override
    public void ready(At at) {
        now(at);
    }

    @Override
    public long sides(At at, List<Query> queries, long place) {
        Pair pair = now(at);
        long cores = scratch.address(Part.CORES);
        long core = cores;
        int scales = 0;
        for (Query query : queries) {
            kernels.cores(core(at), query.seed(), query.scales(), core);
            core += query.scales().size() * floats(at) * Float.BYTES;
            scales += query.scales().size();
        }
        sides(at, pair, cores, scales, false, place);
        return pair.right;
    }

    @Override
    public ThinSide lookUp(At at, Decay decay, Query query) {
        long place = scratch.address(Part.SIDES);
        long right = sides(at, List.of(query), place);
        return new ThinSide(0, right, place, decay, query.seed(), query.scales());
    }

    @Override
    public Fold fold(At at) {
        Pair pair = then(at);
        long core = scratch.address(Part.CORES) + foldCore();
        kernels.cores(core(at), 0, List.of(), core);
        long place = scratch.address(Part.FOLD_SIDE);
        sides(at, pair, core, 1, true, place);
        return new Fold(place, pair.right);
    }

    /** Bytes of the cores of all scales. */
    private long foldCore() {
        LowRankSize size = layout.size();
        return size.cores() / (size.scales() + 1) * size.scales() * Float.BYTES;
    }

    private void sides(At at, Pair pair, long cores, int count, boolean byRows, long place) {
        boolean diagonal = direction.core() == Core.DIAGONAL;
        kernels.sides(
                pair.left,
                cores,
                at.matrix().rows(),
                at.matrix().rank(),
                diagonal,
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
                streams.core(),
                floats(at),
                direction.scale(at.matrix().rows(), at.matrix().columns()),
                at.gathered());
    }

    /** The factors as queries of a step see them. */
    private Pair now(At at) {
        Made wanted = made(at);
        if (direction.isOrthonormal()) {
            Pair kept = kept(at.slot());
            if (!keeps(wanted)) {
                make(at, kept);
                windows.put(wanted.tensorId, wanted.window);
            }
            return kept;
        }
        Pair pair = new Pair(scratch.address(Part.LEFT), scratch.address(Part.RIGHT));
        if (!now.equals(Optional.of(wanted))) {
            make(at, pair);
            now = Optional.of(wanted);
        }
        return pair;
    }

    /** As they were in a step that is folded: its window may be over, and the next one kept. */
    private Pair then(At at) {
        Made wanted = made(at);
        if (direction.isOrthonormal() && keeps(wanted)) {
            return kept(at.slot());
        }
        Pair pair = new Pair(scratch.address(Part.FOLD_LEFT), scratch.address(Part.FOLD_RIGHT));
        if (!past.equals(Optional.of(wanted))) {
            make(at, pair);
            past = Optional.of(wanted);
        }
        return pair;
    }

    private Made made(At at) {
        return new Made(at.slot().tensorId(), direction.windowOf(at.step()));
    }

    private boolean keeps(Made wanted) {
        return windows.getOrDefault(wanted.tensorId, Long.MIN_VALUE) == wanted.window;
    }

    private Pair kept(TensorSlot slot) {
        long right = scratch.address(Part.FIXED) + layout.fixed().get(slot.tensorId());
        return new Pair(right + FactorLayout.rightBytes(layout.size(), slot), right);
    }

    private void make(At at, Pair place) {
        make(at, streams.left(), at.matrix().rows(), place.left);
        make(at, streams.right(), at.matrix().columns(), place.right);
    }

    private void make(At at, int stream, long rows, long place) {
        CoreKernels.Factor factor =
                new CoreKernels.Factor(
                        at.slot().tensorId(),
                        stream,
                        direction.fixedSeed(at.step()),
                        rows,
                        at.matrix().rank());
        if (direction.isOrthonormal()) {
            kernels.orthonormal(factor, scratch.address(Part.ORTHONORMAL), place);
        } else {
            kernels.fixed(factor, place);
        }
    }
}
