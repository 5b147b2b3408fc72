package io.millrace.model.quantized.format;

import io.millrace.memory.DType;
import io.millrace.memory.PackedFormat;
import io.millrace.memory.TensorPart;
import io.millrace.memory.TileReader;
import io.millrace.model.file.Elements;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * bitsandbytes' 4 bits: W = quant_map[code] · absmax, one absmax for a block of elements, which run
 * over the matrix row by row and over the ends of rows. The first of two codes is in a byte's high
 * half. With double quantisation absmax = nested_quant_map[byte] · nested_absmax + offset.
 *
 * @param rows outputs
 * @param columns inputs
 * @param blockSize elements of a block
 * @param storage how the file calls the bytes
 * @param nested how absmax is stored; of 0 blocks where it is float32 itself
 * @param state the record that goes with it
 */
public record TableFormat(
        int rows, int columns, int blockSize, Storage storage, Nested nested, State state)
        implements PackedFormat {
    private static final int TABLE = 16;
    private static final int NESTED_TABLE = 256;
    private static final int OF_WORD = 8;

    /** The array of codes: its type, whatever that means, and its shape. */
    public record Storage(DType dtype, List<Long> shape) {
        /** Freezes the shape. */
        public Storage {
            shape = List.copyOf(shape);
        }
    }

    /** Maxima of so many maxima each, and what is added to them. */
    public record Nested(int blockSize, float offset) {
        /** Maxima that are stored as they are. */
        public static final Nested NONE = new Nested(0, 0);
    }

    /** The JSON that says it all: its name behind the module's, and its length. */
    public record State(String suffix, long bytes) {}

    @Override
    public String name() {
        return state.suffix.endsWith("fp4") ? "bnb-fp4" : "bnb-nf4";
    }

    private boolean isNested() {
        return nested.blockSize > 0;
    }

    private long blocks() {
        return ((long) rows * columns + blockSize - 1) / blockSize;
    }

    private long nestedBlocks() {
        return isNested() ? (blocks() + nested.blockSize - 1) / nested.blockSize : 0;
    }

    @Override
    public List<TensorPart> parts() {
        List<TensorPart> parts = new ArrayList<>();
        parts.add(new TensorPart("weight", TensorPart.Role.CODES, storage.dtype, storage.shape));
        parts.add(
                new TensorPart(
                        "weight.absmax",
                        TensorPart.Role.RANGES,
                        isNested() ? DType.U8 : DType.F32,
                        List.of(blocks())));
        parts.add(table("weight.quant_map", TABLE));
        if (isNested()) {
            parts.add(
                    new TensorPart(
                            "weight.nested_absmax",
                            TensorPart.Role.RANGES,
                            DType.F32,
                            List.of(nestedBlocks())));
            parts.add(table("weight.nested_quant_map", NESTED_TABLE));
        }
        parts.add(
                new TensorPart(
                        state.suffix, TensorPart.Role.TABLE, DType.U8, List.of(state.bytes)));
        return parts;
    }

    private static TensorPart table(String suffix, long entries) {
        return new TensorPart(suffix, TensorPart.Role.TABLE, DType.F32, List.of(entries));
    }

    @Override
    public TileReader reader() {
        return new Tiles(this);
    }

    private static final class Tiles implements TileReader {
        private final TableFormat format;
        private final long codeBytes;
        private final long rangesAt;
        private final long tableAt;
        private final long nestedAt;
        private final long nestedTableAt;
        private final float[] table = new float[TABLE];
        private final Target target = new Target();
        private int[] words = new int[0];

        Tiles(TableFormat format) {
            this.format = format;
            codeBytes = format.storage.dtype.bytes(format.storage.shape);
            rangesAt = codeBytes;
            tableAt = rangesAt + format.blocks() * (format.isNested() ? 1 : Float.BYTES);
            nestedAt = tableAt + TABLE * Float.BYTES;
            nestedTableAt = nestedAt + format.nestedBlocks() * Float.BYTES;
        }

        @Override
        public void tile(MemorySegment bytes, long offset, Area area, Place place) {
            target.aim(place, area.columns());
            DType.F32.load(bytes, offset + tableAt, 0, table, 0, TABLE);
            for (int r = 0; r < area.rows(); r++) {
                long first = (long) (area.row() + r) * format.columns + area.column();
                long line = place.at(r, 0);
                line(bytes, offset, first, area.columns(), target.begin(line));
                target.end(line, area.columns());
            }
        }

        /** Elements that follow one another, row by row. */
        private void line(MemorySegment bytes, long offset, long first, int count, long at) {
            long word = first / OF_WORD;
            int shift = (int) (first % OF_WORD);
            fetch(bytes, offset, word, (shift + count + OF_WORD - 1) / OF_WORD);
            for (int done = 0; done < count; ) {
                long block = (first + done) / format.blockSize;
                int end = (int) Math.min(count, (block + 1) * (long) format.blockSize - first);
                float range = range(bytes, offset, block);
                long to = at + (long) done * Float.BYTES;
                Nibbles.lookup(words, shift + done, shift + end, table, range, target, to);
                done = end;
            }
        }

        private void fetch(MemorySegment bytes, long offset, long word, int count) {
            if (words.length < count + Lanes.PADDING) {
                words = new int[count + Lanes.PADDING];
            }
            int whole = (int) Math.min(count, codeBytes / Integer.BYTES - word);
            MemorySegment.copy(bytes, Elements.INT, offset + word * Integer.BYTES, words, 0, whole);
            if (whole < count) {
                words[whole] = 0;
                for (long at = codeBytes / Integer.BYTES * Integer.BYTES; at < codeBytes; at++) {
                    int last = Byte.toUnsignedInt(bytes.get(ValueLayout.JAVA_BYTE, offset + at));
                    words[whole] |= last << (Byte.SIZE * (int) (at % Integer.BYTES));
                }
            }
            for (int i = 0; i < count; i++) {
                words[i] = (words[i] & 0xf0f_0f0f) << 4 | (words[i] >>> 4 & 0xf0f_0f0f);
            }
        }

        private float range(MemorySegment bytes, long offset, long block) {
            if (!format.isNested()) {
                return Scales.get(bytes, offset + rangesAt, DType.F32, block);
            }
            int code =
                    Byte.toUnsignedInt(bytes.get(ValueLayout.JAVA_BYTE, offset + rangesAt + block));
            float of = Scales.get(bytes, offset + nestedTableAt, DType.F32, code);
            long outer = block / format.nested.blockSize;
            float product = of * Scales.get(bytes, offset + nestedAt, DType.F32, outer);
            return product + format.nested.offset;
        }
    }
}
