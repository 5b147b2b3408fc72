package io.millrace.optim.gradient.rule;

import io.millrace.optim.gradient.WholeTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/** A tensor in arrays, whose strips and ranges come in a random order, and pieces in short ones. */
final class ArrayTensor implements WholeTensor {
    private static final int PIECE = 7;

    private final float[] gradient;
    private final int rows;
    private final int columns;
    private final float[][] states;
    private final MemorySegment work;
    private final Random order;

    ArrayTensor(float[] gradient, int columns, float[][] states, long workFloats, Random order) {
        this.gradient = gradient;
        this.columns = columns;
        rows = gradient.length / columns;
        this.states = states;
        this.order = order;
        work = Arena.ofAuto().allocate(workFloats * Float.BYTES, 64);
        for (long i = 0; i < workFloats; i++) {
            work.setAtIndex(ValueLayout.JAVA_FLOAT, i, Float.NaN);
        }
    }

    private List<Integer> shuffled(long count, int step) {
        List<Integer> firsts = new ArrayList<>();
        for (int first = 0; first < count; first += step) {
            firsts.add(first);
        }
        Collections.shuffle(firsts, order);
        return firsts;
    }

    @Override
    public void strips(Side side, Strip strip) {
        boolean down = side == Side.COLUMNS;
        int across = down ? columns : rows;
        int along = down ? rows : columns;
        for (int first : shuffled(across, STRIP)) {
            int count = Math.min(STRIP, across - first);
            for (int from = 0; from < along; from += PIECE) {
                int inner = Math.min(PIECE, along - from);
                float[] slab = new float[inner * count];
                for (int i = 0; i < slab.length; i++) {
                    int k = from + i / count;
                    int one = first + i % count;
                    slab[i] = gradient[down ? k * columns + one : one * columns + k];
                }
                strip.take(first, count, from, inner, slab, new float[SPARE * inner]);
            }
        }
    }

    @Override
    public void ranges(long count, int arrays, Range range) {
        for (int first : shuffled(count, RANGE)) {
            float[][] own = new float[arrays][RANGE];
            for (float[] one : own) {
                Arrays.fill(one, Float.NaN);
            }
            range.take(first, (int) Math.min(RANGE, count - first), own);
        }
    }

    @Override
    public void load(int state, long first, float[] to, int count) {
        System.arraycopy(states[state], (int) first, to, 0, count);
    }

    @Override
    public void store(int state, long first, float[] from, int count) {
        System.arraycopy(from, 0, states[state], (int) first, count);
    }

    @Override
    public MemorySegment work() {
        return work;
    }
}
