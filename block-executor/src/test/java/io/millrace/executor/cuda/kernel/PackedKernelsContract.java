package io.millrace.executor.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.DType;
import io.millrace.memory.PackedFormat;
import io.millrace.memory.ScaledFormat;
import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.TensorFormat;
import io.millrace.memory.TensorPart;
import io.millrace.memory.TileReader;
import io.millrace.memory.UnitFormat;
import io.millrace.model.file.Elements;
import io.millrace.model.file.gguf.GgufFormat;
import io.millrace.model.file.gguf.TurnedRows;
import io.millrace.model.quantized.format.AwqFormat;
import io.millrace.model.quantized.format.GptqFormat;
import io.millrace.model.quantized.format.MicroscaledFormat;
import io.millrace.model.quantized.format.PackedRowsFormat;
import io.millrace.model.quantized.format.ScaledBytesFormat;
import io.millrace.model.quantized.format.TableFormat;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Matrices in fewer bits: the numbers that a processor makes of them, bit for bit. */
@ExtendWith(SeedExtension.class)
abstract class PackedKernelsContract {
    private static final List<DType> TYPES = List.of(DType.F32, DType.F16, DType.BF16);

    private CudaRig rig;

    @BeforeEach
    void open() {
        rig = new CudaRig();
    }

    @AfterEach
    void close() {
        rig.close();
    }

    /** A matrix: how it is stored, and its extents. */
    record Matrix(TensorFormat format, int rows, int columns) {
        private Matrix(PackedFormat format) {
            this(format, format.rows(), format.columns());
        }

        private List<Long> shape() {
            return List.of((long) rows, (long) columns);
        }

        private byte[] random(Random random) {
            byte[] all = new byte[(int) format.bytes(shape())];
            random.nextBytes(all);
            MemorySegment stored = MemorySegment.ofArray(all);
            if (format instanceof UnitFormat unit) {
                scales(unit.stored(), stored, random);
            } else {
                parts((PackedFormat) format, stored, random);
            }
            return all;
        }

        /** Halves that are finite, wherever a unit has some. */
        private static void scales(UnitFormat unit, MemorySegment stored, Random random) {
            for (long at = 0; at < stored.byteSize(); at += unit.unitBytes()) {
                long[] places =
                        switch (unit) {
                            case GgufFormat.Q4_1, GgufFormat.Q4_K, GgufFormat.Q5_K ->
                                    new long[] {0, 2};
                            case GgufFormat.Q6_K -> new long[] {208};
                            default -> new long[] {0};
                        };
                for (long place : places) {
                    float scale = random.nextFloat() - .5f;
                    stored.set(Elements.SHORT, at + place, Float.floatToFloat16(scale));
                }
            }
        }

        private static void parts(PackedFormat format, MemorySegment stored, Random random) {
            for (int index = 0; index < format.parts().size(); index++) {
                TensorPart part = format.parts().get(index);
                MemorySegment place = stored.asSlice(format.partOffset(index), part.sizeBytes());
                for (long i = 0; i < part.sizeBytes() / part.dtype().sizeBytes(); i++) {
                    if (part.role() == TensorPart.Role.GROUPS) {
                        place.set(Elements.INT, 4 * i, random.nextInt(part.limit()));
                    } else if (part.role() != TensorPart.Role.CODES
                            && part.dtype().holdsWeights()) {
                        Elements.set(
                                place, part.dtype(), i, i % 16 == 7 ? 0 : random.nextFloat() - .5f);
                    }
                }
            }
        }
    }

    static Stream<Matrix> matrices() {
        List<Matrix> all = new ArrayList<>();
        Stream.of(
                        new GptqFormat(80, 200, 4, 40, true, false, DType.F16),
                        new GptqFormat(24, 328, 8, 328, false, false, DType.F32),
                        new GptqFormat(40, 288, 4, 24, true, true, DType.BF16),
                        new GptqFormat(72, 196, 8, 28, true, true, DType.F16),
                        new AwqFormat(152, 168, 56, DType.F16),
                        new PackedRowsFormat(11, 219, 4, 73, true, false, DType.BF16, DType.I64),
                        new PackedRowsFormat(9, 150, 4, 30, true, true, DType.F16, DType.I64),
                        new PackedRowsFormat(7, 93, 8, 31, false, false, DType.F32, DType.I64),
                        table(13, 67, 64, "nf4", TableFormat.Nested.NONE),
                        table(10, 96, 32, "fp4", new TableFormat.Nested(16, 0.03f)),
                        bytes(22, 110, DType.F8_E4M3, new int[] {8, 24}, "weight_scale_inv", false),
                        bytes(15, 77, DType.I8, new int[] {1, 77}, "SCB", false),
                        bytes(15, 78, DType.I8, new int[] {1, 26}, "weight_scale", true),
                        new MicroscaledFormat(19, 160, "weight_packed", "weight_scale", false))
                .map(Matrix::new)
                .forEach(all::add);
        for (GgufFormat format : GgufFormat.values()) {
            int columns = 3 * format.unitElements();
            all.add(new Matrix(format, 12, columns));
            all.add(new Matrix(new TurnedRows(format, columns, 6), 12, columns));
        }
        all.add(new Matrix(new TurnedRows(DType.F16, 20, 4), 8, 20));
        return all.stream();
    }

    private static TableFormat table(
            int rows, int columns, int block, String kind, TableFormat.Nested nested) {
        long bytes = (rows * (long) columns + 1) / 2;
        return new TableFormat(
                rows,
                columns,
                block,
                new TableFormat.Storage(DType.U8, List.of(bytes, 1L)),
                nested,
                new TableFormat.State("weight.quant_state.bitsandbytes__" + kind, 5));
    }

    private static ScaledBytesFormat bytes(
            int rows, int columns, DType codes, int[] block, String suffix, boolean zeros) {
        long down = (rows + block[0] - 1L) / block[0];
        long across = (columns + block[1] - 1L) / block[1];
        return new ScaledBytesFormat(
                rows,
                columns,
                codes,
                new ScaledBytesFormat.ScalePart(suffix, DType.F32, List.of(down, across)),
                block[0],
                block[1],
                zeros);
    }

    private static float[] floats(Random random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = random.nextFloat() - .5f;
        }
        return values;
    }

    private DeviceTensor tensor(Matrix matrix, byte[] stored) {
        long elements = (long) matrix.rows * matrix.columns;
        return new DeviceTensor(
                rig.bytes(stored).address(), matrix.format, -1, elements, false, List.of());
    }

    private static float[] numbers(Matrix matrix, byte[] stored) {
        float[] all = new float[matrix.rows * matrix.columns];
        matrix.format.load(MemorySegment.ofArray(stored), 0, 0, all, 0, all.length);
        return all;
    }

    @ParameterizedTest
    @MethodSource("matrices")
    void rowsAreWhatAProcessorMakesOfThem(Matrix matrix, @Seed long seed) {
        Random random = new Random(seed);
        byte[] stored = matrix.random(random);
        float[] expected = numbers(matrix, stored);
        Set<Float> distinct = new HashSet<>();
        for (float each : expected) {
            distinct.add(each);
        }
        assertThat(distinct).hasSizeGreaterThan(100); // of many codes and scales
        int first = 1 + random.nextInt(matrix.rows - 2);
        int count = (matrix.rows - first) * matrix.columns;
        for (DType type : TYPES) {
            CudaRig.Place all = rig.poisoned((long) expected.length * type.sizeBytes());
            CudaRig.Place some = rig.poisoned((long) count * type.sizeBytes());
            DeviceTensor tensor = tensor(matrix, stored);
            PackedKernels kernels = rig.kernels().packed();
            kernels.form(tensor, 0, expected.length, all.address(), type);
            kernels.form(tensor, (long) first * matrix.columns, count, some.address(), type);
            float[] rounded = CudaRig.rounded(type, expected);
            assertSame(all.read(type), rounded, seed);
            int from = first * matrix.columns;
            assertSame(some.read(type), Arrays.copyOfRange(rounded, from, from + count), seed);
        }
    }

    /** But for what a NaN carries. */
    private static void assertSame(float[] actual, float[] expected, long seed) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < expected.length; i++) {
            assertThat(Float.floatToIntBits(actual[i]))
                    .as("element %d, seed %d: %s for %s", i, seed, actual[i], expected[i])
                    .isEqualTo(Float.floatToIntBits(expected[i]));
        }
    }

    @ParameterizedTest
    @MethodSource("matrices")
    void rowsThatAreLookedUpAreTimesAFactorAndAdded(Matrix matrix, @Seed long seed) {
        Random random = new Random(seed);
        byte[] stored = matrix.random(random);
        float[] table = numbers(matrix, stored);
        int[] ids = random.ints(5, 0, matrix.rows - 1).toArray();
        int columns = matrix.columns;
        float[] before = floats(random, 2 * ids.length * columns);
        CudaRig.Place out = rig.values(DType.F32, before);
        DeviceMatrix place =
                new DeviceMatrix(out.address(), (long) ids.length * columns, columns, DType.F32);
        long list = rig.ints(ids).address();
        rig.kernels()
                .packed()
                .rows(tensor(matrix, stored), list, 1, ids.length, columns, 1.5f, true, 2, place);
        float[] expected = before.clone();
        for (int i = 0; i < expected.length; i++) {
            int row = ids[i / columns % ids.length] + 1;
            expected[i] += table[row * columns + i % columns] * 1.5f;
        }
        assertSame(out.read(DType.F32), expected, seed);
    }

    static Stream<Matrix> scaled() {
        return matrices().filter(matrix -> matrix.format instanceof ScaledFormat);
    }

    @ParameterizedTest
    @MethodSource("scaled")
    void scalesThatAreGivenTakeThePlaceOfThoseStored(Matrix matrix, @Seed long seed) {
        ScaledFormat format = (ScaledFormat) matrix.format;
        Random random = new Random(seed);
        byte[] stored = matrix.random(random);
        int each = matrix.rows * format.groups();
        float[] scales = floats(random, 2 * each);
        int elements = matrix.rows * matrix.columns;
        CudaRig.Place out = rig.poisoned(2L * elements * Float.BYTES);
        long given = rig.values(DType.F32, scales).address();
        rig.kernels()
                .packed()
                .form(
                        tensor(matrix, stored),
                        new PackedKernels.Given(given, each, 2),
                        0,
                        elements,
                        out.address(),
                        elements,
                        DType.F32);
        float[] expected = new float[2 * elements];
        for (int scale = 0; scale < 2; scale++) {
            int from = scale * each;
            TileReader reader =
                    format.reader((row, group) ->
                            scales[
                                    from
                                            + (format.scalesByRow()
                                                    ? row * format.groups() + group
                                                    : group * matrix.rows + row)]);
            reader.tile(
                    MemorySegment.ofArray(stored),
                    0,
                    new TileReader.Area(0, matrix.rows, 0, matrix.columns),
                    expected,
                    scale * elements);
        }
        assertSame(out.read(DType.F32), expected, seed);
    }

    @Test
    void everyCodeOfMicroscalingAndOfE4m3IsThere() {
        int columns = 256;
        byte[] small = new byte[columns / 2 * 256 + 256 * columns / 32];
        for (int row = 0; row < 256; row++) {
            for (int i = 0; i < columns / 2; i++) {
                small[row * columns / 2 + i] = (byte) (i * 16 + (i + row) % 16);
            }
            int scales = 256 * columns / 2 + row * columns / 32;
            Arrays.fill(small, scales, scales + columns / 32, (byte) row);
        }
        check(new Matrix(new MicroscaledFormat(256, columns, "codes", "scales", false)), small);
        byte[] floats = new byte[columns + Float.BYTES];
        for (int i = 0; i < columns; i++) {
            floats[i] = (byte) i;
        }
        Elements.set(MemorySegment.ofArray(floats), DType.F32, columns / Float.BYTES, 0.3f);
        check(
                new Matrix(
                        bytes(
                                1,
                                columns,
                                DType.F8_E4M3,
                                new int[] {1, columns},
                                "weight_scale",
                                false)),
                floats);
    }

    private void check(Matrix matrix, byte[] stored) {
        float[] expected = numbers(matrix, stored);
        CudaRig.Place out = rig.poisoned((long) expected.length * Float.BYTES);
        DeviceTensor tensor = tensor(matrix, stored);
        rig.kernels().packed().form(tensor, 0, expected.length, out.address(), DType.F32);
        assertSame(out.read(DType.F32), expected, 0);
    }
}
