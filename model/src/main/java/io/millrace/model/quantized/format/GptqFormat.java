package io.millrace.model.quantized.format;

import io.millrace.memory.DType;
import io.millrace.memory.ScaledFormat;
import io.millrace.memory.TensorPart;
import io.millrace.memory.TileReader;
import io.millrace.model.file.Elements;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * W[o, i] = scales[g, o] · (q[i, o] − z[g, o]), g the group of input i. Word w of column o of
 * {@code qweight} [in · bits / 32, out] has the codes of the inputs w · 32 / bits …, the first in
 * its lowest bits; {@code qzeros} [groups, out · bits / 32] are packed along the outputs likewise.
 *
 * @param rows outputs
 * @param columns inputs
 * @param bits of a code, 4 or 8
 * @param groupSize inputs of a group
 * @param zerosLessOne whether zero points are stored less one, as the first version of the format
 *     has them
 * @param ordered whether {@code g_idx} says which group an input belongs to
 * @param scaleType of the scales
 */
public record GptqFormat(
        int rows,
        int columns,
        int bits,
        int groupSize,
        boolean zerosLessOne,
        boolean ordered,
        DType scaleType)
        implements ScaledFormat {
    private static final int TILE_ROWS = 64;

    /** Words of as many outputs as a line of a cache has: such tiles are as wide as the matrix. */
    private static final int ORDERED_TILE_ROWS = 16;

    @Override
    public String name() {
        return "gptq-int" + bits + "-g" + groupSize;
    }

    @Override
    public int groups() {
        return (columns + groupSize - 1) / groupSize;
    }

    @Override
    public List<TensorPart> parts() {
        long groups = groups();
        TensorPart codes =
                new TensorPart(
                        "qweight",
                        TensorPart.Role.CODES,
                        DType.I32,
                        List.of(columns * (long) bits / 32, (long) rows));
        TensorPart zeros =
                new TensorPart(
                        "qzeros",
                        TensorPart.Role.ZEROS,
                        DType.I32,
                        List.of(groups, rows * (long) bits / 32));
        TensorPart scales =
                new TensorPart(
                        "scales", TensorPart.Role.SCALES, scaleType, List.of(groups, (long) rows));
        TensorPart order =
                new TensorPart(
                        "g_idx",
                        TensorPart.Role.GROUPS,
                        DType.I32,
                        List.of((long) columns),
                        groups());
        return ordered ? List.of(codes, zeros, scales, order) : List.of(codes, zeros, scales);
    }

    @Override
    public TileReader reader() {
        return new Tiles(this);
    }

    @Override
    public TileReader reader(Given scales) {
        return new Tiles(this).with(scales);
    }

    @Override
    public int scalesPart() {
        return 2;
    }

    @Override
    public boolean scalesByRow() {
        return false;
    }

    @Override
    public boolean turns() {
        return true;
    }

    private long zerosAt() {
        return (long) columns / (Integer.SIZE / bits) * rows * Integer.BYTES;
    }

    private long scalesAt() {
        return zerosAt() + (long) groups() * rows / (Integer.SIZE / bits) * Integer.BYTES;
    }

    private long orderAt() {
        return scalesAt() + (long) groups() * rows * scaleType.sizeBytes();
    }

    /** Words lie output by output: as few as they are beside the codes, they are turned first. */
    private static final class Tiles extends AffineTiles {
        private final GptqFormat format;
        private final long zerosAt;
        private final long scalesAt;
        private final Halves halves = new Halves();
        private int[] lines = new int[0];

        Tiles(GptqFormat format) {
            super(
                    format,
                    format.bits,
                    format.groupSize,
                    format.ordered,
                    format.ordered ? ORDERED_TILE_ROWS : TILE_ROWS);
            this.format = format;
            zerosAt = format.zerosAt();
            scalesAt = format.scalesAt();
        }

        @Override
        void fetch(MemorySegment bytes, long offset, int row, int rows, int from, int to) {
            if (lines.length < rows * stride) {
                lines = new int[rows * stride];
            }
            for (int word = from; word < to; word++) {
                long at = offset + ((long) word * format.rows + row) * Integer.BYTES;
                MemorySegment.copy(bytes, Elements.INT, at, lines, (word - from) * rows, rows);
            }
            turn(lines, rows, stride, words);
        }

        @Override
        void turn(MemorySegment bytes, long offset, Area area, Place place) {
            TurnedWords all = new TurnedWords(format.bits, (long) format.rows * Integer.BYTES);
            int end = area.column() + area.columns();
            int size = place.type().sizeBytes();
            for (int column = area.column(); column < end; ) {
                long word = column / ofWord;
                long from = offset + word * all.step() + (long) area.row() * Integer.BYTES;
                long before = (long) (column - area.column()) * area.rows();
                long at = place.offset() + before * size;
                int next = Math.min(end, (column / format.groupSize + 1) * format.groupSize);
                int words = inOrder() ? (next - column) / ofWord : 0;
                if (words > 0) {
                    all.group(bytes, from, words, this, its(area, column), area, place, at);
                    column += words * ofWord;
                } else {
                    all.each(bytes, from, this, column, area, place, at);
                    column += ofWord;
                }
            }
        }

        private static void turn(int[] lines, int rows, int stride, int[] words) {
            for (int r = 0; r < rows; r++) {
                for (int word = 0; word < stride; word++) {
                    words[r * stride + word] = lines[word * rows + r];
                }
            }
        }

        @Override
        void scales(
                MemorySegment bytes,
                long offset,
                int row,
                int count,
                int group,
                float[] to,
                int at) {
            long first = (long) group * format.rows + row;
            halves.load(bytes, offset + scalesAt, format.scaleType, first, count, to, at);
        }

        @Override
        int zero(MemorySegment bytes, long offset, int row, int group) {
            int shift = format.bits == 4 ? 3 : 2; // of a row to its word
            long word = (long) group * (format.rows >> shift) + (row >> shift);
            int stored =
                    bytes.get(Elements.INT, zerosAt + offset + word * Integer.BYTES)
                            >>> (format.bits * (row & (1 << shift) - 1));
            return (stored + (format.zerosLessOne ? 1 : 0)) & ((1 << format.bits) - 1);
        }

        @Override
        long orderAt() {
            return format.orderAt();
        }
    }
}
