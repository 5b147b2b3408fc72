package io.millrace.model.quantized.format;

import static io.millrace.model.quantized.format.CodeLanes.COUNT;
import static io.millrace.model.quantized.format.CodeLanes.FLOATS;
import static io.millrace.model.quantized.format.CodeLanes.INTS;

import io.millrace.memory.DType;
import io.millrace.memory.TileReader;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Reads column by column what lies in words [columns · bits / 32, rows], each with the codes of
 * consecutive columns of its row: no word has to be turned. Each type has a loop of its own: in one
 * for both, compilers put vectors on the heap.
 *
 * @param bits of a code, 4 or 8
 * @param step bytes from the words of some columns to those of the next
 */
record TurnedWords(int bits, long step) {
    /** Columns of a word. */
    int ofWord() {
        return Integer.SIZE / bits;
    }

    /**
     * Columns of one group.
     *
     * @param from byte offset of the first row's word
     * @param words how many of each row
     * @param its where the first row's zero point and scale are
     * @param area the rows, whose lines are put from {@code at} on
     */
    void group(
            MemorySegment bytes,
            long from,
            int words,
            AffineTiles tiles,
            int its,
            TileReader.Area area,
            TileReader.Place place,
            long at) {
        long line = TurnedLanes.line(area.rows());
        for (int r = 0; r < area.rows(); r += COUNT) {
            long skip = TurnedLanes.line(r);
            IntVector zeros = IntVector.fromArray(INTS, tiles.zeros, its + r);
            FloatVector scales = FloatVector.fromArray(FLOATS, tiles.scales, its + r);
            if (place.type() == DType.BF16) {
                pairs(bytes, from + skip, words, zeros, scales, place.memory(), at + skip, line);
            } else {
                floats(bytes, from + skip, words, zeros, scales, place.memory(), at + skip, line);
            }
        }
    }

    private void pairs(
            MemorySegment bytes,
            long from,
            int words,
            IntVector zeros,
            FloatVector scales,
            MemorySegment to,
            long at,
            long line) {
        long put = at;
        for (int word = 0; word < words; word++) {
            IntVector row = TurnedLanes.words(bytes, from + word * step);
            for (int shift = 0; shift < Integer.SIZE; shift += 2 * bits, put += line) {
                IntVector codes = TurnedLanes.codes(row, shift, bits);
                IntVector next = TurnedLanes.codes(row, shift + bits, bits);
                TurnedLanes.put(
                        TurnedLanes.numbers(codes, zeros, scales),
                        TurnedLanes.numbers(next, zeros, scales),
                        to,
                        put);
            }
        }
    }

    private void floats(
            MemorySegment bytes,
            long from,
            int words,
            IntVector zeros,
            FloatVector scales,
            MemorySegment to,
            long at,
            long line) {
        long put = at;
        for (int word = 0; word < words; word++) {
            IntVector row = TurnedLanes.words(bytes, from + word * step);
            for (int shift = 0; shift < Integer.SIZE; shift += bits, put += line) {
                IntVector codes = TurnedLanes.codes(row, shift, bits);
                TurnedLanes.put(TurnedLanes.numbers(codes, zeros, scales), to, put);
            }
        }
    }

    /**
     * Columns of one word, each of a group of its own.
     *
     * @param from byte offset of the first row's word
     * @param column the first
     */
    void each(
            MemorySegment bytes,
            long from,
            AffineTiles tiles,
            int column,
            TileReader.Area area,
            TileReader.Place place,
            long at) {
        boolean pairs = place.type() == DType.BF16;
        long line = TurnedLanes.line(area.rows());
        for (int k = 0; k < ofWord(); k += 2) {
            int its = tiles.its(area, column + k);
            int others = tiles.its(area, column + k + 1);
            long put = at + k / TurnedLanes.columns(place.type()) * line;
            for (int r = 0; r < area.rows(); r += COUNT) {
                long skip = TurnedLanes.line(r);
                IntVector row = TurnedLanes.words(bytes, from + skip);
                IntVector codes = TurnedLanes.codes(row, k * bits, bits);
                IntVector next = TurnedLanes.codes(row, (k + 1) * bits, bits);
                FloatVector numbers =
                        TurnedLanes.numbers(codes, tiles.zeros, tiles.scales, its + r);
                FloatVector nexts =
                        TurnedLanes.numbers(next, tiles.zeros, tiles.scales, others + r);
                if (pairs) {
                    TurnedLanes.put(numbers, nexts, place.memory(), put + skip);
                } else {
                    TurnedLanes.put(numbers, place.memory(), put + skip);
                    TurnedLanes.put(nexts, place.memory(), put + line + skip);
                }
            }
        }
    }
}
