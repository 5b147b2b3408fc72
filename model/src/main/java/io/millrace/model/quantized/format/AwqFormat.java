package io.millrace.model.quantized.format;

import io.millrace.memory.DType;
import io.millrace.memory.ScaledFormat;
import io.millrace.memory.TensorPart;
import io.millrace.memory.TileReader;
import io.millrace.model.file.Elements;
import java.lang.foreign.MemorySegment;
import java.util.List;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

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
    private static final int TILE_ROWS = 64;

    /** Which output of its word each code of it is, from the lowest bits on. */
    private static final int[] ORDER = {0, 2, 4, 6, 1, 3, 5, 7};

    /** Which code of its word each output is. */
    private static final int[] PLACE = {0, 4, 1, 5, 2, 6, 3, 7};

    private static final int CODE = 15;
    private static final VectorSpecies<Long> LONGS = LongVector.SPECIES_PREFERRED;

    /** Each of two words for as many lanes as it has codes. */
    private static final VectorShuffle<Integer> WORDS =
            VectorShuffle.fromOp(CodeLanes.INTS, lane -> lane / OF_WORD % 2);

    private static final IntVector SHIFTS = shifts();

    private static IntVector shifts() {
        int[] shifts = new int[CodeLanes.COUNT];
        for (int lane = 0; lane < shifts.length; lane++) {
            shifts[lane] = BITS * PLACE[lane % OF_WORD];
        }
        return IntVector.fromArray(CodeLanes.INTS, shifts, 0);
    }

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
    public boolean turns() {
        return CodeLanes.COUNT >= OF_WORD;
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
        private final Halves halves = new Halves();

        /** Of each of eight inputs, words of outputs: as many for each word of inputs. */
        private int[] lines = new int[0];

        Tiles(AwqFormat format) {
            super(format, BITS, format.groupSize, false, TILE_ROWS);
            this.format = format;
        }

        @Override
        void fetch(MemorySegment bytes, long offset, int row, int rows, int from, int to) {
            int first = row / OF_WORD;
            int count = (row + rows - 1) / OF_WORD - first + 1;
            int line = CodeLanes.padded(count * (to - from));
            if (lines.length < OF_WORD * line) {
                lines = new int[OF_WORD * line];
            }
            for (int input = from * OF_WORD; input < to * OF_WORD; input++) {
                int at = input % OF_WORD * line + (input / OF_WORD - from) * count;
                if (input < format.columns) {
                    long place = (long) input * (format.rows / OF_WORD) + first;
                    MemorySegment.copy(
                            bytes, Elements.INT, offset + place * Integer.BYTES, lines, at, count);
                }
            }
            turn(line);
            for (int k = 0; k < OF_WORD; k++) {
                for (int each = 0; each < count; each++) {
                    int r = (first + each) * OF_WORD + ORDER[k] - row;
                    if (r >= 0 && r < rows) {
                        spread(k * line + each, count, r * stride);
                    }
                }
            }
        }

        @Override
        void turn(MemorySegment bytes, long offset, Area area, Place place) {
            boolean pairs = place.type() == DType.BF16;
            long line = TurnedLanes.line(area.rows());
            long at = place.offset();
            int end = area.column() + area.columns();
            for (int column = area.column(); column < end; column += 2) {
                long from = offset + wordOf(column, area.row());
                long next = offset + wordOf(column + 1, area.row());
                int its = its(area, column);
                int others = its(area, column + 1);
                if (pairs) {
                    pairs(bytes, from, next, area.rows(), its, others, place.memory(), at);
                    at += line;
                } else {
                    floats(bytes, from, area.rows(), its, place.memory(), at);
                    floats(bytes, next, area.rows(), others, place.memory(), at + line);
                    at += 2 * line;
                }
            }
        }

        // A loop for each type: in one for both, compilers put vectors on the heap.
        private void pairs(
                MemorySegment bytes,
                long from,
                long next,
                int rows,
                int its,
                int others,
                MemorySegment to,
                long at) {
            for (int r = 0; r < rows; r += CodeLanes.COUNT) {
                long word = (long) r / OF_WORD * Integer.BYTES;
                IntVector codes = codes(bytes, from + word);
                IntVector nexts = codes(bytes, next + word);
                TurnedLanes.put(
                        TurnedLanes.numbers(codes, zeros, scales, its + r),
                        TurnedLanes.numbers(nexts, zeros, scales, others + r),
                        to,
                        at + TurnedLanes.line(r));
            }
        }

        private void floats(
                MemorySegment bytes, long from, int rows, int its, MemorySegment to, long at) {
            for (int r = 0; r < rows; r += CodeLanes.COUNT) {
                IntVector codes = codes(bytes, from + (long) r / OF_WORD * Integer.BYTES);
                TurnedLanes.put(
                        TurnedLanes.numbers(codes, zeros, scales, its + r),
                        to,
                        at + TurnedLanes.line(r));
            }
        }

        private long wordOf(int input, int row) {
            return ((long) input * (format.rows / OF_WORD) + row / OF_WORD) * Integer.BYTES;
        }

        /** The codes of as many outputs as there are lanes. */
        private static IntVector codes(MemorySegment bytes, long at) {
            IntVector words =
                    CodeLanes.COUNT == OF_WORD
                            ? IntVector.broadcast(CodeLanes.INTS, bytes.get(Elements.INT, at))
                            : LongVector.broadcast(LONGS, bytes.get(Elements.LONG, at))
                                    .reinterpretAsInts()
                                    .rearrange(WORDS);
            return words.lanewise(VectorOperators.LSHR, SHIFTS).and(CODE);
        }

        /** Words of one output. */
        private void spread(int from, int step, int at) {
            for (int word = 0; word < stride; word++) {
                words[at + word] = lines[from + word * step];
            }
        }

        /** Code j of word k becomes code k of word j. */
        private void turn(int line) {
            for (int k = 0; k < OF_WORD; k++) {
                if ((k & 4) == 0) {
                    swap(k * line, (k + 4) * line, line, 16, 0xffff);
                }
            }
            for (int k = 0; k < OF_WORD; k++) {
                if ((k & 2) == 0) {
                    swap(k * line, (k + 2) * line, line, 8, 0xff_00ff);
                }
            }
            for (int k = 0; k < OF_WORD; k += 2) {
                swap(k * line, (k + 1) * line, line, 4, 0xf0f_0f0f);
            }
        }

        /** The high ones of the first words' codes, in exchange for the low ones of others. */
        private void swap(int first, int other, int count, int shift, int mask) {
            for (int i = 0; i < count; i += CodeLanes.COUNT) {
                IntVector x = IntVector.fromArray(CodeLanes.INTS, lines, first + i);
                IntVector y = IntVector.fromArray(CodeLanes.INTS, lines, other + i);
                IntVector up = y.and(mask).lanewise(VectorOperators.LSHL, shift);
                IntVector down = x.lanewise(VectorOperators.LSHR, shift).and(mask);
                x.and(mask).or(up).intoArray(lines, first + i);
                down.or(y.and(~mask)).intoArray(lines, other + i);
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
            halves.load(bytes, offset + format.scalesAt(), format.scaleType, first, count, to, at);
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
