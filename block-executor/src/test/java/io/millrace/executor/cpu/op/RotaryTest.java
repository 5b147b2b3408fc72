package io.millrace.executor.cpu.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.step.RotaryTable;
import io.millrace.model.spec.RopeSpec;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class RotaryTest {
    @ParameterizedTest
    @CsvSource({"8,8", "20,12", "64,64", "80,32", "128,128", "66,66"})
    void turnsTheFirstElementsOfEachHead(int headDim, int dims) {
        long seed = Memory.seed();
        SplittableRandom random = new SplittableRandom(seed);
        RopeSpec spec = spec(dims, 1.25f);
        int[] positions = {0, 1, 2, 5, 0, 39};
        int heads = 3;
        long headStride = headDim + 1L;
        long rowStride = heads * headStride + 7;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment table = Memory.poisoned(arena, RotaryTable.tableFloats(spec, 40) + 3);
            RotaryTable.fillTable(spec, 40, table, 3);
            MemorySegment data = Memory.random(arena, random, 2 + 6 * rowStride, 1);
            MemorySegment before = Memory.copy(arena, data);
            Rotary.apply(
                    spec, table, 3, 40, positions, 1, 6, data, 2, rowStride, headStride, heads);
            double[] want = new double[(int) (2 + 6 * rowStride)];
            for (int i = 0; i < want.length; i++) {
                want[i] = Memory.at(before, i);
            }
            for (int t = 1; t < 6; t++) {
                for (int h = 0; h < heads; h++) {
                    int at = (int) (2 + t * rowStride + h * headStride);
                    for (int i = 0; i < dims / 2; i++) {
                        double angle = positions[t] * (double) spec.inverseFrequencies().get(i);
                        double a = Memory.at(before, at + i);
                        double b = Memory.at(before, at + i + dims / 2);
                        want[at + i] = 1.25 * (a * Math.cos(angle) - b * Math.sin(angle));
                        want[at + i + dims / 2] =
                                1.25 * (b * Math.cos(angle) + a * Math.sin(angle));
                    }
                }
            }
            for (int i = 0; i < want.length; i++) {
                // 39 radians in float are known to 2e-6.
                assertThat((double) Memory.at(data, i))
                        .as("seed %d at %d", seed, i)
                        .isCloseTo(want[i], within(8e-6));
            }
        }
    }

    /** A turn is linear, so its gradient is its transpose: g · turn(x) = turn'(g) · x for all. */
    @ParameterizedTest
    @CsvSource({"8,8,false", "20,12,false", "66,66,false", "20,12,true", "66,66,true"})
    void turnsGradientsTheOtherWay(int headDim, int dims, boolean neighbours) {
        SplittableRandom random = new SplittableRandom(41);
        RopeSpec halves = spec(dims, 1.25f);
        RopeSpec spec = neighbours ? halves.ofNeighbours() : halves;
        int[] positions = {0, 1, 2, 5, 0, 39};
        int heads = 2;
        long headStride = headDim + 1L;
        long rowStride = heads * headStride + 7;
        long floats = 2 + 6 * rowStride;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment table = Memory.poisoned(arena, RotaryTable.tableFloats(spec, 40) + 3);
            RotaryTable.fillTable(spec, 40, table, 3);
            MemorySegment gradient = Memory.random(arena, random, floats, 1);
            MemorySegment before = Memory.copy(arena, gradient);
            Rotary.applyGradient(
                    spec, table, 3, 40, positions, 1, 6, gradient, 2, rowStride, headStride, heads);
            for (int i = 0; i < floats; i++) {
                // Column i of the turn: what a unit there becomes.
                MemorySegment unit = arena.allocate(floats * Float.BYTES, 64);
                CheckedFloats.set(unit, i, 1);
                Rotary.apply(
                        spec, table, 3, 40, positions, 1, 6, unit, 2, rowStride, headStride, heads);
                double want = 0;
                for (int j = 0; j < floats; j++) {
                    want += (double) Memory.at(unit, j) * Memory.at(before, j);
                }
                assertThat((double) Memory.at(gradient, i))
                        .as("at %d", i)
                        .isCloseTo(want, within(1e-6 * (Math.abs(want) + 1)));
            }
        }
    }

    @Test
    void refusesPositionsOutsideTheTable() {
        RopeSpec spec = spec(8, 1);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment table = Memory.poisoned(arena, RotaryTable.tableFloats(spec, 4));
            RotaryTable.fillTable(spec, 4, table, 0);
            MemorySegment data = Memory.poisoned(arena, 8);
            assertThatThrownBy(() ->
                            Rotary.apply(spec, table, 0, 4, new int[] {4}, 0, 1, data, 0, 8, 8, 1))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    private static RopeSpec spec(int dims, float factor) {
        List<Float> frequencies = new ArrayList<>();
        for (int i = 0; i < dims / 2; i++) {
            frequencies.add((float) Math.pow(10_000, -2.0 * i / dims));
        }
        return new RopeSpec(dims, frequencies, factor);
    }
}
