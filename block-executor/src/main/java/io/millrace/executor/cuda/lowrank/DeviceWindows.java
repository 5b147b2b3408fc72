package io.millrace.executor.cuda.lowrank;

import io.millrace.executor.cuda.kernel.CoreKernels;
import io.millrace.executor.cuda.weight.DeviceScratch;
import io.millrace.executor.cuda.weight.DeviceScratchPlan.Part;
import io.millrace.executor.cuda.weight.FactorLayout;
import io.millrace.executor.cuda.weight.StagedCopy;
import io.millrace.executor.step.LowRankSize;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.device.Device;
import io.millrace.optim.direction.FactoredDirection;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The fixed factors of matrices. Orthonormal ones are made once a window and kept, and those of a
 * base are brought once; others are made where they are used, and again for the next matrix.
 */
final class DeviceWindows {
    private final CoreKernels kernels;
    private final DeviceScratch scratch;
    private final FactoredDirection direction;
    private final FactorLayout layout;
    private final Map<Integer, Long> windows = new HashMap<>(); // of kept factors, by matrix
    private Optional<Made> now = Optional.empty(); // what LEFT and RIGHT hold
    private Optional<Made> past = Optional.empty(); // what FOLD_LEFT and FOLD_RIGHT hold

    /** Which factors: the matrix's, of a window. */
    private record Made(int tensorId, long window) {}

    /**
     * Addresses of both of them.
     *
     * @param left of U, [r, m]
     * @param right of V, [r, n]; of nothing where queries make it
     */
    record Pair(long left, long right) {}

    DeviceWindows(
            Device device,
            CoreKernels kernels,
            DeviceScratch scratch,
            FactoredDirection direction) {
        this.kernels = kernels;
        this.scratch = scratch;
        this.direction = direction;
        layout = scratch.plan().factors().orElseThrow();
        if (direction.isOfBase()) {
            bring(device);
        }
    }

    /** Brings the factors of a base, which stay. */
    private void bring(Device device) {
        StagedCopy copy = new StagedCopy(device, scratch.staging());
        long fixed = scratch.plan().offsets().get(Part.FIXED);
        layout.size()
                .tensors()
                .filter(LowRankSize::isMatrix)
                .forEach(slot -> {
                    long rows = LowRankSize.rowsOf(slot);
                    long columns = LowRankSize.columnsOf(slot);
                    int rank = direction.rank(rows, columns);
                    int id = slot.tensorId();
                    long right = fixed + layout.fixed().get(id);
                    long left = right + FactorLayout.rightBytes(layout.size(), slot);
                    float[] rowMajor = new float[Math.toIntExact(Math.max(rows, columns) * rank)];
                    direction.fillRight(1, id, 0, rowMajor, 0, Math.toIntExact(columns * rank));
                    copy.copy(turned(rowMajor, columns, rank), scratch.memory(), right);
                    direction.fillLeft(1, id, 0, rowMajor, 0, Math.toIntExact(rows * rank));
                    copy.copy(turned(rowMajor, rows, rank), scratch.memory(), left);
                    windows.put(id, direction.windowOf(1));
                });
    }

    /** [r, rows] of [rows, r]. */
    private static MemorySegment turned(float[] factor, long rows, int rank) {
        int length = (int) rows;
        float[] turned = new float[length * rank];
        for (int row = 0; row < length; row++) {
            for (int j = 0; j < rank; j++) {
                turned[j * length + row] = factor[row * rank + j];
            }
        }
        return MemorySegment.ofArray(turned);
    }

    /** The factors as queries of a step see them. */
    Pair now(DeviceThin.At at) {
        Made wanted = made(at);
        if (FactorLayout.keeps(direction)) {
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
    Pair then(DeviceThin.At at) {
        Made wanted = made(at);
        if (FactorLayout.keeps(direction) && keeps(wanted)) {
            return kept(at.slot());
        }
        Pair pair = new Pair(scratch.address(Part.FOLD_LEFT), scratch.address(Part.FOLD_RIGHT));
        if (!past.equals(Optional.of(wanted))) {
            make(at, pair);
            past = Optional.of(wanted);
        }
        return pair;
    }

    private Made made(DeviceThin.At at) {
        return new Made(at.slot().tensorId(), direction.windowOf(at.step()));
    }

    private boolean keeps(Made wanted) {
        return windows.getOrDefault(wanted.tensorId, Long.MIN_VALUE) == wanted.window;
    }

    private Pair kept(TensorSlot slot) {
        long right = scratch.address(Part.FIXED) + layout.fixed().get(slot.tensorId());
        return new Pair(right + FactorLayout.rightBytes(layout.size(), slot), right);
    }

    private void make(DeviceThin.At at, Pair place) {
        FactoredDirection.Streams streams = direction.streams().orElseThrow();
        make(at, streams.left(), at.matrix().rows(), place.left);
        if (direction.core().fixesRight()) {
            make(at, streams.right(), at.matrix().columns(), place.right);
        }
    }

    private void make(DeviceThin.At at, int stream, long rows, long place) {
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
