package io.millrace.executor.cuda.kernel;

import io.millrace.memory.DType;
import io.millrace.memory.PackedFormat;
import io.millrace.memory.TensorFormat;
import io.millrace.memory.UnitFormat;
import io.millrace.memory.cuda.KernelArguments;
import io.millrace.model.file.gguf.GgufFormat;
import io.millrace.model.file.gguf.TurnedRows;
import io.millrace.model.quantized.format.AwqFormat;
import io.millrace.model.quantized.format.GptqFormat;
import io.millrace.model.quantized.format.MicroscaledFormat;
import io.millrace.model.quantized.format.PackedRowsFormat;
import io.millrace.model.quantized.format.ScaledBytesFormat;
import io.millrace.model.quantized.format.TableFormat;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * How kernels read matrices that are stored in fewer bits: which of them, and what it is told of
 * the matrix, a struct of {@code packed.cu} for each.
 *
 * @param kernel what reads them
 * @param columns of a row, or any number that divides a row where elements follow one another
 * @param told packs the struct
 */
record PackedForm(Kernel kernel, int columns, Consumer<KernelArguments> told) {
    /** Entry points of the image. */
    enum Kernel {
        UNPACK_GPTQ,
        UNPACK_AWQ,
        UNPACK_ROWS,
        UNPACK_BYTES,
        UNPACK_MXFP4,
        UNPACK_TABLE,
        UNPACK_GGUF
    }

    /** Zero points as a kernel is told of them. */
    private static final int HALF_OF_ALL = 0;

    private static final int AS_STORED = 1;
    private static final int LESS_ONE = 2;

    private static final int PLAIN = 7; // of GgufType

    /** How a format is read; empty where no kernel reads it. */
    static Optional<PackedForm> of(TensorFormat format) {
        return switch (format) {
            case GptqFormat gptq -> Optional.of(gptq(gptq));
            case AwqFormat awq -> Optional.of(awq(awq));
            case PackedRowsFormat rows -> Optional.of(rows(rows));
            case ScaledBytesFormat bytes -> Optional.of(bytes(bytes));
            case MicroscaledFormat small -> Optional.of(small(small));
            case TableFormat table -> Optional.of(table(table));
            case GgufFormat unit -> Optional.of(gguf(unit, 0, unit.unitElements()));
            case TurnedRows turned when isKnown(turned.stored()) ->
                    Optional.of(gguf(turned.stored(), turned.headRows(), turned.columns()));
            default -> Optional.empty();
        };
    }

    private static boolean isKnown(UnitFormat stored) {
        return stored instanceof GgufFormat
                || (stored instanceof DType dtype && dtype.isTrainable());
    }

    private static PackedForm gptq(GptqFormat format) {
        Grouped grouped =
                new Grouped(
                        format.partOffset(1),
                        format.partOffset(2),
                        format.ordered() ? format.partOffset(3) : 0,
                        format.bits(),
                        format.groupSize(),
                        format.scaleType(),
                        format.zerosLessOne() ? LESS_ONE : AS_STORED);
        return grouped.form(Kernel.UNPACK_GPTQ, format, format.groups());
    }

    private static PackedForm awq(AwqFormat format) {
        Grouped grouped =
                new Grouped(
                        format.partOffset(1),
                        format.partOffset(2),
                        0,
                        4,
                        format.groupSize(),
                        format.scaleType(),
                        AS_STORED);
        return grouped.form(Kernel.UNPACK_AWQ, format, format.groups());
    }

    private static PackedForm rows(PackedRowsFormat format) {
        Grouped grouped =
                new Grouped(
                        format.partOffset(2),
                        format.partOffset(1),
                        format.ordered() ? format.partOffset(format.zeros() ? 3 : 2) : 0,
                        format.bits(),
                        format.groupSize(),
                        format.scaleType(),
                        format.zeros() ? AS_STORED : HALF_OF_ALL);
        return grouped.form(Kernel.UNPACK_ROWS, format, format.groups());
    }

    /** {@code struct Grouped}. */
    private record Grouped(
            long zerosAt,
            long scalesAt,
            long orderAt,
            int bits,
            int group,
            DType scaleType,
            int zeros) {
        PackedForm form(Kernel kernel, PackedFormat matrix, int groups) {
            return new PackedForm(
                    kernel,
                    matrix.columns(),
                    arguments ->
                            arguments
                                    .int64(zerosAt)
                                    .int64(scalesAt)
                                    .int64(orderAt)
                                    .int32(matrix.rows())
                                    .int32(matrix.columns())
                                    .int32(bits)
                                    .int32(group)
                                    .int32(groups)
                                    .int32(KernelCodes.of(scaleType))
                                    .int32(zeros)
                                    .int32(0));
        }
    }

    private static PackedForm bytes(ScaledBytesFormat format) {
        return new PackedForm(
                Kernel.UNPACK_BYTES,
                format.columns(),
                arguments ->
                        arguments
                                .int64(format.partOffset(1))
                                .int64(format.zeros() ? format.partOffset(2) : 0)
                                .int32(format.blockRows())
                                .int32(format.blockColumns())
                                .int32(format.across())
                                .int32(KernelCodes.of(format.scales().dtype()))
                                .float32(format.factor())
                                .int32(format.codes() == DType.I8 ? 0 : 1));
    }

    private static PackedForm small(MicroscaledFormat format) {
        return new PackedForm(
                Kernel.UNPACK_MXFP4,
                format.columns(),
                arguments -> arguments.int64(format.partOffset(1)));
    }

    private static PackedForm table(TableFormat format) {
        TableFormat.Nested nested = format.nested();
        boolean isNested = nested.blockSize() > 0;
        return new PackedForm(
                Kernel.UNPACK_TABLE,
                format.columns(),
                arguments ->
                        arguments
                                .int64(format.partOffset(1))
                                .int64(format.partOffset(2))
                                .int64(isNested ? format.partOffset(3) : 0)
                                .int64(isNested ? format.partOffset(4) : 0)
                                .int32(format.blockSize())
                                .int32(nested.blockSize())
                                .float32(nested.offset())
                                .int32(0));
    }

    private static PackedForm gguf(UnitFormat stored, int headRows, int columns) {
        return new PackedForm(
                Kernel.UNPACK_GGUF,
                columns,
                arguments ->
                        arguments
                                .int32(type(stored))
                                .int32(stored.unitElements())
                                .int32(stored.unitBytes())
                                .int32(stored instanceof DType dtype ? KernelCodes.of(dtype) : 0)
                                .int32(headRows)
                                .int32(columns));
    }

    /** The kernel's {@code GgufType}. */
    private static int type(UnitFormat stored) {
        return stored instanceof GgufFormat format
                ? switch (format) {
                    case Q4_0 -> 0;
                    case Q4_1 -> 1;
                    case Q5_0 -> 2;
                    case Q8_0 -> 3;
                    case Q4_K -> 4;
                    case Q5_K -> 5;
                    case Q6_K -> 6;
                }
                : PLAIN;
    }
}
