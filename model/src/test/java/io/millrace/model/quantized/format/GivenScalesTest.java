package io.millrace.model.quantized.format;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.DType;
import io.millrace.memory.ScaledFormat;
import io.millrace.memory.TensorPart;
import io.millrace.memory.TileReader;
import io.millrace.model.file.Elements;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** With the stored scales given a tile is what it is without; with others it is theirs. */
class GivenScalesTest {
    private static final int ROWS = 24;
    private static final int COLUMNS = 96;
    private static final TileReader.Area ALL = new TileReader.Area(0, ROWS, 0, COLUMNS);

    static Stream<ScaledFormat> formats() {
        return Stream.of(
                new GptqFormat(ROWS, COLUMNS, 4, 32, true, false, DType.F16),
                new GptqFormat(ROWS, COLUMNS, 8, 32, false, true, DType.F32),
                new AwqFormat(ROWS, COLUMNS, 32, DType.F16),
                new PackedRowsFormat(ROWS, COLUMNS, 4, 32, true, false, DType.BF16, DType.I64),
                new PackedRowsFormat(ROWS, COLUMNS, 8, 48, false, true, DType.F16, DType.I64));
    }

    @ParameterizedTest
    @MethodSource("formats")
    void tilesHaveTheScalesThatAreGiven(ScaledFormat format) {
        MemorySegment bytes = random(format);
        List<Long> shape = format.parts().get(format.scalesPart()).shape();
        DType dtype = format.parts().get(format.scalesPart()).dtype();
        assertThat(shape)
                .isEqualTo(
                        format.scalesByRow()
                                ? List.of((long) ROWS, (long) format.groups())
                                : List.of((long) format.groups(), (long) ROWS));
        MemorySegment stored = bytes.asSlice(format.partOffset(format.scalesPart()));
        ScaledFormat.Given own =
                (row, group) ->
                        Elements.get(
                                stored,
                                dtype,
                                format.scalesByRow()
                                        ? (long) row * format.groups() + group
                                        : (long) group * ROWS + row);
        float[] expected = new float[ROWS * COLUMNS];
        format.reader().tile(bytes, 0, ALL, expected, 0);
        float[] given = new float[expected.length];
        format.reader(own).tile(bytes, 0, ALL, given, 0);
        assertThat(given).isEqualTo(expected);
        format.reader((row, group) -> -2 * own.at(row, group)).tile(bytes, 0, ALL, given, 0);
        for (int at = 0; at < given.length; at++) {
            assertThat(given[at]).isEqualTo(-2 * expected[at]);
        }
        assertThat(given[7 * COLUMNS + 5]).isNotEqualTo(expected[7 * COLUMNS + 5]);
    }

    private static MemorySegment random(ScaledFormat format) {
        byte[] all = new byte[(int) format.bytes(List.of((long) ROWS, (long) COLUMNS))];
        Random random = new Random(5);
        random.nextBytes(all);
        MemorySegment bytes = MemorySegment.ofArray(all);
        for (int index = 0; index < format.parts().size(); index++) {
            TensorPart part = format.parts().get(index);
            MemorySegment place = bytes.asSlice(format.partOffset(index), part.sizeBytes());
            long count = part.sizeBytes() / part.dtype().sizeBytes();
            for (long at = 0; at < count; at++) {
                if (part.role() == TensorPart.Role.SCALES) {
                    Elements.set(place, part.dtype(), at, 0.01f + random.nextFloat());
                } else if (part.role() == TensorPart.Role.GROUPS) {
                    place.set(Elements.INT, 4 * at, random.nextInt(part.limit()));
                }
            }
        }
        return bytes;
    }
}
