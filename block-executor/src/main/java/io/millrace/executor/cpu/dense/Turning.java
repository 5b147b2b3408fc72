package io.millrace.executor.cpu.dense;

import io.millrace.executor.cpu.op.Gemm;
import io.millrace.executor.step.Floats;
import io.millrace.memory.DType;
import io.millrace.memory.PackedFormat;
import io.millrace.memory.TensorFormat;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.TileReader;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** Panels of packed matrices in the order in which their codes lie, where products read that. */
public final class Turning {
    private Turning() {}

    /** Whether a format's panels of so many rows are read turned. */
    static boolean turns(TensorFormat format, int rows, DType type) {
        return turns(format)
                && format instanceof PackedFormat packed
                && order(rows, packed.columns(), type).isPresent();
    }

    /** Whether panels of a format are read turned where their extents are such that they can be. */
    public static boolean turns(TensorFormat format) {
        return format instanceof PackedFormat packed && packed.turns();
    }

    /** The order of a turned panel of so many outputs, where there is one. */
    public static Optional<Gemm.Order> order(int outputs, int inputs, DType type) {
        if (type == DType.F32) {
            boolean turns =
                    outputs % TileReader.TURNED_ROWS == 0
                            && inputs % TileReader.TURNED_COLUMNS == 0;
            return turns ? Optional.of(Gemm.Order.INPUTS) : Optional.empty();
        }
        boolean pairs =
                outputs % Gemm.Order.PAIRED_OUTPUTS == 0
                        && inputs % Gemm.Order.PAIRED_INPUTS == 0
                        && Gemm.multipliesPairs();
        return pairs ? Optional.of(Gemm.Order.PAIRS) : Optional.empty();
    }

    /** Reads whole rows of a matrix turned. */
    static void turn(
            TileReader reader,
            PackedFormat packed,
            MemorySegment bytes,
            TensorSlot slot,
            int row,
            int rows,
            Floats place) {
        long at = place.start() * place.type().sizeBytes();
        reader.turned(
                bytes,
                slot.offsetBytes(),
                new TileReader.Area(row, rows, 0, packed.columns()),
                new TileReader.Place(place.segment(), at, rows, place.type()));
    }
}
