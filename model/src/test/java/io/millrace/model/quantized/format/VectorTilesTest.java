package io.millrace.model.quantized.format;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.BFloat16;
import io.millrace.memory.DType;
import io.millrace.memory.PackedFormat;
import io.millrace.memory.TensorPart;
import io.millrace.memory.TileReader;
import io.millrace.model.file.Elements;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * An element that is read alone is made by no vector; in whatever rectangle it is read, it has the
 * same bits, and in bfloat16 those that they round to.
 */
class VectorTilesTest {
    private static final int RECTANGLES = 60;
    private static final float UNTOUCHED = 12345;
    private static final byte NO_NUMBER = 0x7f;

    static Stream<PackedFormat> formats() {
        return Stream.of(
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
                new MicroscaledFormat(19, 160, "weight_packed", "weight_scale", false));
    }

    static Stream<PackedFormat> turning() {
        return formats().filter(PackedFormat::turns);
    }

    private static PackedFormat table(
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

    private static PackedFormat bytes(
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

    @ParameterizedTest
    @MethodSource("formats")
    void rectanglesHaveTheBitsOfTheirElements(PackedFormat format) {
        Random random = new Random(17);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment stored = random(arena, format, random);
            TileReader reader = format.reader();
            float[] alone = new float[format.rows() * format.columns()];
            for (int i = 0; i < alone.length; i++) {
                int row = i / format.columns();
                TileReader.Area one = new TileReader.Area(row, 1, i % format.columns(), 1);
                reader.tile(stored, 3, one, alone, i);
            }
            assertThat(alone).contains(0f).doesNotContain(UNTOUCHED); // not of one kind of code
            TileReader.Area all = new TileReader.Area(0, format.rows(), 0, format.columns());
            check(arena, reader, stored, format, all, alone);
            for (int i = 0; i < RECTANGLES; i++) {
                int row = random.nextInt(format.rows());
                int column = random.nextInt(format.columns());
                int rows = 1 + random.nextInt(format.rows() - row);
                int columns = 1 + random.nextInt(format.columns() - column);
                TileReader.Area area = new TileReader.Area(row, rows, column, columns);
                check(arena, reader, stored, format, area, alone);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("turning")
    void turnedRectanglesHaveTheBitsOfThoseThatAreNot(PackedFormat format) {
        Random random = new Random(23);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment stored = random(arena, format, random);
            float[] expected = new float[format.rows() * format.columns()];
            TileReader.Area all = new TileReader.Area(0, format.rows(), 0, format.columns());
            format.reader().tile(stored, 3, all, expected, 0);
            TileReader reader = format.reader();
            for (int i = 0; i < RECTANGLES; i++) {
                int[] rows = part(random, format.rows(), TileReader.TURNED_ROWS);
                int[] columns = part(random, format.columns(), TileReader.TURNED_COLUMNS);
                TileReader.Area area =
                        new TileReader.Area(rows[0], rows[1], columns[0], columns[1]);
                checkTurned(arena, reader, stored, format, area, expected);
            }
        }
    }

    /** Where a part begins, and its length; both are multiples. */
    private static int[] part(Random random, int of, int multiple) {
        int first = random.nextInt(of / multiple);
        return new int[] {first * multiple, (1 + random.nextInt(of / multiple - first)) * multiple};
    }

    private static void checkTurned(
            Arena arena,
            TileReader reader,
            MemorySegment stored,
            PackedFormat format,
            TileReader.Area area,
            float[] expected) {
        long elements = (long) area.rows() * area.columns();
        MemorySegment made = arena.allocate((elements + 2) * Float.BYTES, 64);
        for (DType type : List.of(DType.F32, DType.BF16)) {
            int together = type == DType.F32 ? 1 : 2;
            for (long i = 0; i < elements + 2; i++) {
                Elements.set(made, type, i, UNTOUCHED);
            }
            long start = type.sizeBytes();
            reader.turned(stored, 3, area, new TileReader.Place(made, start, area.rows(), type));
            for (int c = 0; c < area.columns(); c++) {
                for (int r = 0; r < area.rows(); r++) {
                    long line = c / together * (long) area.rows();
                    int its = (area.row() + r) * format.columns() + area.column() + c;
                    assertThat(bits(made, type, 1 + (line + r) * together + c % together))
                            .as("%s, row %d, column %d of %s", type, r, c, area)
                            .isEqualTo(bits(expected[its], type));
                }
            }
            int untouched = bits(UNTOUCHED, type);
            assertThat(bits(made, type, 0)).isEqualTo(untouched);
            assertThat(bits(made, type, elements + 1)).isEqualTo(untouched);
        }
    }

    private static void check(
            Arena arena,
            TileReader reader,
            MemorySegment stored,
            PackedFormat format,
            TileReader.Area area,
            float[] alone) {
        long stride = area.columns() + 5L;
        MemorySegment made = arena.allocate((4 + area.rows() * stride) * Float.BYTES, 64);
        for (DType type : List.of(DType.F32, DType.BF16)) {
            for (long i = 0; i < made.byteSize() / type.sizeBytes(); i++) {
                Elements.set(made, type, i, UNTOUCHED);
            }
            int untouched = bits(made, type, 0);
            long start = 3L * type.sizeBytes();
            reader.tile(stored, 3, area, new TileReader.Place(made, start, stride, type));
            for (int r = 0; r < area.rows(); r++) {
                for (int c = -1; c <= area.columns(); c++) {
                    boolean inside = c >= 0 && c < area.columns();
                    int its = (area.row() + r) * format.columns() + area.column() + c;
                    int expected = inside ? bits(alone[its], type) : untouched;
                    assertThat(bits(made, type, 3 + r * stride + c))
                            .as("%s, row %d, column %d of %s", type, r, c, area)
                            .isEqualTo(expected);
                }
            }
        }
    }

    private static int bits(float value, DType type) {
        return type == DType.F32 ? Float.floatToRawIntBits(value) : BFloat16.of(value);
    }

    private static int bits(MemorySegment made, DType type, long index) {
        return type == DType.F32
                ? made.getAtIndex(ValueLayout.JAVA_INT, index)
                : made.getAtIndex(ValueLayout.JAVA_SHORT, index);
    }

    /** The parts behind three bytes: any codes, and scales that are numbers. */
    private static MemorySegment random(Arena arena, PackedFormat format, Random random) {
        long size = format.bytes(List.of((long) format.rows(), (long) format.columns()));
        byte[] all = new byte[(int) size];
        random.nextBytes(all);
        MemorySegment stored = arena.allocate(3 + size, 1);
        MemorySegment.copy(all, 0, stored, ValueLayout.JAVA_BYTE, 3, all.length);
        for (int index = 0; index < format.parts().size(); index++) {
            TensorPart part = format.parts().get(index);
            MemorySegment place = stored.asSlice(3 + format.partOffset(index), part.sizeBytes());
            for (long i = 0; i < part.sizeBytes() / part.dtype().sizeBytes(); i++) {
                if (part.role() == TensorPart.Role.GROUPS) {
                    // Some name groups that are in order, for a part of a row at least.
                    boolean sorted = format.columns() % 8 == 0 && i < format.columns() * 2L / 3;
                    int group = (int) i / (format.columns() / part.limit());
                    place.set(Elements.INT, 4 * i, sorted ? group : random.nextInt(part.limit()));
                } else if (part.role() != TensorPart.Role.CODES && part.dtype().holdsWeights()) {
                    Elements.set(
                            place, part.dtype(), i, i % 16 == 7 ? 0 : random.nextFloat() - .5f);
                }
            }
            if (part.dtype() == DType.F8_E4M3) {
                for (int i = 0; i < 256; i++) {
                    place.set(ValueLayout.JAVA_BYTE, i * 5L, (byte) i); // each of them, once
                }
                place.set(ValueLayout.JAVA_BYTE, 1, NO_NUMBER);
            }
        }
        return stored;
    }
}
