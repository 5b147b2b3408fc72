package io.millrace.model.quantized;

import io.millrace.memory.DType;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.quantized.format.ScaledBytesFormat;
import java.util.List;

/** Bytes with scales beside them, as several ways to quantise have. */
final class ScaledBytes {
    private ScaledBytes() {}

    /** Rows and columns that share a scale. */
    record Extents(int rows, int columns) {}

    /**
     * How a matrix is packed.
     *
     * @param stored what the files have
     * @param codes a byte an element
     * @param scales one for each rectangle, or for all of the matrix
     * @param extents of a rectangle
     */
    static ScaledBytesFormat format(
            StoredParts stored, TensorInfo codes, TensorInfo scales, Extents extents) {
        return format(stored, codes, scales, extents, false);
    }

    /** The same with zero points, or without. */
    static ScaledBytesFormat format(
            StoredParts stored,
            TensorInfo codes,
            TensorInfo scales,
            Extents extents,
            boolean zeros) {
        int rows = stored.extent(codes, 2, 0);
        int columns = stored.extent(codes, 2, 1);
        long down = (rows + extents.rows - 1L) / extents.rows;
        long across = (columns + extents.columns - 1L) / extents.columns;
        List<Long> shape = scales.shape();
        boolean fits =
                shape.equals(List.of(down, across))
                        || (across == 1 && shape.equals(List.of(down)))
                        || (down * across == 1 && scales.elementCount() == 1);
        if (!fits) {
            throw stored.bad(
                    scales,
                    "has shape "
                            + shape
                            + " where "
                            + down
                            + " by "
                            + across
                            + " scales are meant");
        }
        DType dtype = stored.dtype(scales, DType.F32, DType.BF16, DType.F16);
        String suffix = scales.name().substring(scales.name().lastIndexOf('.') + 1);
        return new ScaledBytesFormat(
                rows,
                columns,
                codes.dtype(),
                new ScaledBytesFormat.ScalePart(suffix, dtype, shape),
                extents.rows,
                extents.columns,
                zeros);
    }
}
