package io.millrace.model.quantized.format;

import io.millrace.memory.DType;
import io.millrace.memory.ScaledFormat;
import io.millrace.memory.TensorPart;
import io.millrace.memory.TileReader;
import io.millrace.model.file.Elements;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * AWQ's layout for products: W[o, i] = scales[g, o] · (q[i, o] − z[g, o]) in 4 bits, g = i / group.
 * Words of {@code qweight} [in, out / 8] and {@code qzeros} [groups, out / 8] each have eight
 * outputs of one input, not in their order.
 *
 * @param rows outputs, a multiple of 8
 * @param columns inputs
 * @param groupSize inputs of a group
 * @param scaleType of the scales
 */
public record AwqFormat(int rows, int columns, int groupSize, DType scaleType)
        implements ScaledFormat {
    private static final int BITS = 4;
    private static final int OF_WORD = 8;
    private static final int TILE_ROWS = 128;

    /** Which output of its word each code of it is, from the lowest bits on. */
    private static final int[] ORDER = {0, 2, 4, 6, 1, 3, 5, 7};

    /** Which code of its word each output is. */
    private static final int[] PLACE = {0, 4, 1, 5, 2, 6, 3, 7};

    @Override
    public String name() {
        return "awq-int4-g" + groupSize;
    }

    @Override
    public int groups() {
        return (columns + groupSize - 1) / groupSize;
    }

    @Override
    public List<TensorPart> parts() {
        long words = rows / OF_WORD;
        long groups = groups();
        return List.of(
                new TensorPart(
                        "qweight",
                        TensorPart.Role.CODES,
                        DType.I32,
                        List.of((long) columns, words)),
                new TensorPart("qzeros", TensorPart.Role.ZEROS, DType.I32, List.of(groups, words)),
                new TensorPart(
                        "scales", TensorPart.Role.SCALES, scaleType, List.of(groups, (long) rows)));
    }

    @Override
    public int tileRows() {
        return TILE_ROWS;
    }

    private long zerosAt() {
        return (long) columns * rows / OF_WORD * Integer.BYTES;
    }

    private long scalesAt() {
        return zerosAt() + (long) groups() * rows / OF_WORD * Integer.BYTES;
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

    /** Eight inputs of a word of outputs are turned into eight outputs' words of inputs. */
    private static final class Tiles extends AffineTiles {
        private final AwqFormat format;
        private final int[] eight = new int[OF_WORD];
        private int[] lines = new int[0];

        Tiles(AwqFormat format) {
            super(format, BITS, format.groupSize, false);
            this.format = format;
        }

        @Override
        void fetch(MemorySegment bytes, long offset, int row, int rows, int from, int to) {
            int first = row / OF_WORD;
            int count = (row + rows - 1) / OF_WORD - first + 1;
            if (lines.length < OF_WORD * count) {
                lines = new int[OF_WORD * count];
            }
            for (int word = from; word < to; word++) {
                for (int k = 0; k < OF_WORD; k++) {
                    int input = word * OF_WORD + k;
                    long line = (long) input * (format.rows / OF_WORD) + first;
                    if (input < format.columns) {
                        long at = offset + line * Integer.BYTES;
                        MemorySegment.copy(bytes, Elements.INT, at, lines, k * count, count);
                    }
                }
                for (int each = 0; each < count; each++) {
                    for (int k = 0; k < OF_WORD; k++) {
                        eight[k] = lines[k * count + each];
                    }
                    turn(eight);
                    for (int k = 0; k < OF_WORD; k++) {
                        int r = (first + each) * OF_WORD + ORDER[k] - row;
                        if (r >= 0 && r < rows) {
                            words[r * stride + word - from] = eight[k];
                        }
                    }
                }
            }
        }

        /** Code j of word k becomes code k of word j. */
        private static void turn(int[] a) {
            for (int k = 0; k < 4; k++) {
                int x = a[k];
                int y = a[k + 4];
                a[k] = (x & 0xffff) | y << 16;
                a[k + 4] = x >>> 16 | (y & 0xffff_0000);
            }
            for (int k = 0; k < 8; k += (k & 1) == 0 ? 1 : 3) {
                int x = a[k];
                int y = a[k + 2];
                a[k] = (x & 0xff_00ff) | (y & 0xff_00ff) << 8;
                a[k + 2] = (x >>> 8 & 0xff_00ff) | (y & 0xff00_ff00);
            }
            for (int k = 0; k < 8; k += 2) {
                int x = a[k];
                int y = a[k + 1];
                a[k] = (x & 0xf0f_0f0f) | (y & 0xf0f_0f0f) << 4;
                a[k + 1] = (x >>> 4 & 0xf0f_0f0f) | (y & 0xf0f0_f0f0);
            }
        }

        @Override
        float scale(MemorySegment bytes, long offset, int row, int group) {
            long index = (long) group * format.rows + row;
            return Scales.get(bytes, offset + format.scalesAt(), format.scaleType, index);
        }

        @Override
        int zero(MemorySegment bytes, long offset, int row, int group) {
            long word = (long) group * (format.rows / OF_WORD) + row / OF_WORD;
            int stored = bytes.get(Elements.INT, offset + format.zerosAt() + word * Integer.BYTES);
            return stored >>> (BITS * PLACE[row % OF_WORD]) & 15;
        }

        @Override
        long orderAt() {
            throw new IllegalStateException("inputs are in order");
        }
    }
}
