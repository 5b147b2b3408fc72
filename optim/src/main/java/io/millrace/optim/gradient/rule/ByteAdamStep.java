package io.millrace.optim.gradient.rule;

import io.millrace.optim.gradient.TensorStep;
import io.millrace.optim.gradient.Tile;
import java.util.Arrays;

/** A step of {@link AdamW8bit}: tiles begin at blocks. */
final class ByteAdamStep implements TensorStep {
    private static final int FIRST = 0;
    private static final int SECOND = 1;
    private static final int MOMENTS = 2; // and behind the codes of each its scales
    private static final DynamicMap[] MAPS = {DynamicMap.SIGNED, DynamicMap.UNSIGNED};

    private final AdamStep adam;
    // By moment and block, after the step; a tile writes those of its own blocks alone.
    private final float[][] scales;

    ByteAdamStep(AdamStep adam, int blocks) {
        this.adam = adam;
        scales = new float[MOMENTS][blocks];
    }

    @Override
    public void tile(int pass, Tile tile, double[] sums) {
        if (tile.first() % AdamW8bit.BLOCK != 0) {
            throw new IllegalArgumentException("a tile from element " + tile.first() + " on");
        }
        int block = Math.toIntExact(tile.first() / AdamW8bit.BLOCK);
        float[][] codes = tile.states();
        float[][] moments = new float[MOMENTS][tile.count()];
        for (int i = FIRST; i <= SECOND; i++) {
            decode(MAPS[i], codes[i], codes[MOMENTS + i], block, moments[i]);
        }
        adam.tile(
                pass,
                new Tile(tile.first(), tile.count(), tile.parameters(), tile.gradient(), moments),
                sums);
        for (int i = FIRST; i <= SECOND; i++) {
            encode(MAPS[i], moments[i], codes[i], block, scales[i]);
        }
    }

    private static void decode(
            DynamicMap map, float[] codes, float[] scales, int block, float[] moments) {
        int[] places = new int[AdamW8bit.BLOCK];
        for (int at = 0; at < moments.length; at += AdamW8bit.BLOCK) {
            int end = Math.min(moments.length, at + AdamW8bit.BLOCK);
            float scale = scales[block + at / AdamW8bit.BLOCK];
            map.values(codes, at, end, scale, moments, places);
        }
    }

    private static void encode(
            DynamicMap map, float[] moments, float[] codes, int block, float[] scales) {
        int[] places = new int[AdamW8bit.BLOCK];
        for (int at = 0; at < moments.length; at += AdamW8bit.BLOCK) {
            int end = Math.min(moments.length, at + AdamW8bit.BLOCK);
            float largest = largest(moments, at, end);
            scales[block + at / AdamW8bit.BLOCK] = largest;
            if (largest == 0) {
                Arrays.fill(codes, at, end, 0);
                continue;
            }
            map.codes(moments, at, end, largest, codes, places);
        }
    }

    /** Of magnitudes, whose bits are in order as integers: so vectors compare them. */
    private static float largest(float[] moments, int from, int to) {
        int largest = 0;
        for (int i = from; i < to; i++) {
            largest = Math.max(largest, Float.floatToRawIntBits(moments[i]) & Integer.MAX_VALUE);
        }
        return Float.intBitsToFloat(largest);
    }

    @Override
    public void passed(int pass, double[] sums, float[][] states) {
        for (int i = FIRST; i <= SECOND; i++) {
            System.arraycopy(scales[i], 0, states[MOMENTS + i], 0, scales[i].length);
        }
    }
}
