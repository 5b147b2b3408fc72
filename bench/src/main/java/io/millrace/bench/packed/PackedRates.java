package io.millrace.bench.packed;

import io.millrace.memory.BFloat16;
import io.millrace.memory.DType;
import io.millrace.memory.PackedFormat;
import io.millrace.memory.TensorFormat;
import io.millrace.memory.TensorPart;
import io.millrace.memory.TileReader;
import io.millrace.memory.UnitFormat;
import io.millrace.model.file.Elements;
import io.millrace.model.file.gguf.GgufFormat;
import io.millrace.model.quantized.format.AwqFormat;
import io.millrace.model.quantized.format.GptqFormat;
import io.millrace.model.quantized.format.MicroscaledFormat;
import io.millrace.model.quantized.format.PackedRowsFormat;
import io.millrace.model.quantized.format.ScaledBytesFormat;
import io.millrace.model.quantized.format.TableFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How fast one core makes float32 of each packed format, in the tiles that products ask for: a
 * matrix of 2048 by 8192, of which panels of 64 rows are written to memory that stays in the cache.
 * bfloat16 is widened beside them.
 */
public final class PackedRates {
    private static final int ROWS = 2048;
    private static final int COLUMNS = 8192;
    private static final int PANEL = 64;
    private static final int TILE = 8192;
    private static final int TURNS = 9;
    private static final float SCALE = 0.01f;
    private static final double NANOS = 1e9;

    private PackedRates() {}

    /** Prints a line a format. */
    public static void main(String[] args) {
        System.out.println("| format | bytes a weight | 10⁹ weights a second |");
        System.out.println("|---|---|---|");
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment panel = arena.allocate((long) PANEL * COLUMNS * Float.BYTES, 64);
            MemorySegment half = arena.allocate((long) ROWS * COLUMNS * Short.BYTES, 64);
            line("bfloat16", half.byteSize(), rate(() -> widen(half, panel)));
            formats()
                    .forEach((name, format) -> {
                        MemorySegment bytes = arena.allocate(size(format), 64);
                        for (long i = 0; i < bytes.byteSize(); i++) {
                            bytes.set(
                                    ValueLayout.JAVA_BYTE,
                                    i,
                                    (byte) (i * 37 & 0x3b)); // small numbers
                        }
                        fill(format, bytes);
                        line(name, bytes.byteSize(), rate(() -> unpack(format, bytes, panel)));
                    });
        }
    }

    /** Inputs belong to groups that there are, and scales are of an ordinary size. */
    private static void fill(TensorFormat format, MemorySegment bytes) {
        if (!(format instanceof PackedFormat packed)) {
            return;
        }
        for (int part = 0; part < packed.parts().size(); part++) {
            TensorPart array = packed.parts().get(part);
            for (int i = 0; array.limit() > 0 && i < array.sizeBytes() / Integer.BYTES; i++) {
                long at = packed.partOffset(part) + (long) i * Integer.BYTES;
                bytes.set(ValueLayout.JAVA_INT_UNALIGNED, at, i * 7 % array.limit());
            }
            MemorySegment place = bytes.asSlice(packed.partOffset(part), array.sizeBytes());
            for (long i = 0;
                    array.dtype().holdsWeights()
                            && i < array.sizeBytes() / array.dtype().sizeBytes();
                    i++) {
                Elements.set(place, array.dtype(), i, SCALE);
            }
        }
    }

    private static Map<String, TensorFormat> formats() {
        long blocks = (long) ROWS * COLUMNS / 2;
        Map<String, TensorFormat> formats = new LinkedHashMap<>();
        formats.put(
                "gptq int4, 128", new GptqFormat(ROWS, COLUMNS, 4, 128, true, false, DType.F16));
        formats.put(
                "gptq int4, 128, ordered",
                new GptqFormat(ROWS, COLUMNS, 4, 128, true, true, DType.F16));
        formats.put("awq int4, 128", new AwqFormat(ROWS, COLUMNS, 128, DType.F16));
        formats.put(
                "compressed-tensors int4, 128",
                new PackedRowsFormat(ROWS, COLUMNS, 4, 128, false, false, DType.BF16, DType.I64));
        formats.put(
                "bitsandbytes NF4",
                new TableFormat(
                        ROWS,
                        COLUMNS,
                        64,
                        new TableFormat.Storage(DType.U8, List.of(blocks, 1L)),
                        TableFormat.Nested.NONE,
                        new TableFormat.State("weight.quant_state.bitsandbytes__nf4", 64)));
        formats.put(
                "FP8, 128 x 128",
                new ScaledBytesFormat(
                        ROWS,
                        COLUMNS,
                        DType.F8_E4M3,
                        new ScaledBytesFormat.ScalePart(
                                "weight_scale_inv",
                                DType.F32,
                                List.of(ROWS / 128L, COLUMNS / 128L)),
                        128,
                        128,
                        false));
        formats.put(
                "int8, a scale an output",
                new ScaledBytesFormat(
                        ROWS,
                        COLUMNS,
                        DType.I8,
                        new ScaledBytesFormat.ScalePart(
                                "weight_scale", DType.F32, List.of((long) ROWS, 1L)),
                        1,
                        COLUMNS,
                        false));
        formats.put("MXFP4", new MicroscaledFormat(ROWS, COLUMNS, "codes", "scales", false));
        for (GgufFormat format : GgufFormat.values()) {
            formats.put("GGUF " + format, format);
        }
        return formats;
    }

    private static long size(TensorFormat format) {
        return format.bytes(List.of((long) ROWS, (long) COLUMNS));
    }

    private static void widen(MemorySegment from, MemorySegment panel) {
        long bytes = (long) PANEL * COLUMNS * Short.BYTES;
        for (int row = 0; row < ROWS; row += PANEL) {
            MemorySegment part = from.asSlice((long) row * COLUMNS * Short.BYTES, bytes);
            BFloat16.widen(part, panel, (long) PANEL * COLUMNS);
        }
    }

    private static void unpack(TensorFormat format, MemorySegment from, MemorySegment panel) {
        if (format instanceof PackedFormat packed) {
            TileReader reader = packed.reader();
            TileReader.Place place = new TileReader.Place(panel, 0, COLUMNS, DType.F32);
            for (int row = 0; row < ROWS; row += PANEL) {
                TileReader.Area area = new TileReader.Area(row, PANEL, 0, COLUMNS);
                if (packed.turns()) {
                    reader.turned(from, 0, area, place);
                } else {
                    reader.tile(from, 0, area, place);
                }
            }
            return;
        }
        float[] tile = new float[TILE];
        UnitFormat units = (UnitFormat) format;
        for (long first = 0; first < (long) ROWS * COLUMNS; first += tile.length) {
            units.load(from, 0, first, tile, 0, tile.length);
            long at = first % ((long) PANEL * COLUMNS) * Float.BYTES;
            MemorySegment.copy(tile, 0, panel, ValueLayout.JAVA_FLOAT, at, tile.length);
        }
    }

    /** Weights a second, in the median of some turns behind as many that count for nothing. */
    private static double rate(Runnable work) {
        double[] seconds = new double[TURNS];
        for (int turn = -TURNS; turn < TURNS; turn++) {
            long begin = System.nanoTime();
            work.run();
            if (turn >= 0) {
                seconds[turn] = (System.nanoTime() - begin) / NANOS;
            }
        }
        Arrays.sort(seconds);
        return (double) ROWS * COLUMNS / seconds[TURNS / 2];
    }

    private static void line(String name, long bytes, double rate) {
        System.out.printf(
                "| %s | %.3f | %.2f |%n", name, bytes / ((double) ROWS * COLUMNS), rate / NANOS);
    }
}
