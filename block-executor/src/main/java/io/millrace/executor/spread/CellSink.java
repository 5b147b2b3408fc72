package io.millrace.executor.spread;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.spread.Share.Part;
import io.millrace.executor.step.HeadSink;
import io.millrace.executor.step.Variants;
import java.util.Arrays;

/**
 * What the head says of a share, a cell for each scale of each query and each micro-batch, one
 * after another as numbers that can travel; and back.
 */
final class CellSink implements HeadSink {
    private final Share share;
    private final HeadSink asker;
    private final double[] cells;
    private final int[] filled; // of each cell

    /**
     * Room for a share's answers.
     *
     * @param asker whoever gets them in the end, and says of what kind they are
     */
    CellSink(Share share, HeadSink asker) {
        this.share = share;
        this.asker = asker;
        cells = new double[size(share, asker)];
        filled = new int[cellCount(share)];
    }

    /** Numbers that a share's answers are. */
    static int size(Share share, HeadSink asker) {
        long size = 0;
        for (Part part : share.parts()) {
            long each = 0;
            for (MicroBatch batch : part.batches()) {
                each += width(batch, asker);
            }
            size += each * part.scales();
        }
        return Math.toIntExact(size);
    }

    private static int cellCount(Share share) {
        return share.parts().stream().mapToInt(part -> part.scales() * part.batches().size()).sum();
    }

    private static int width(MicroBatch batch, HeadSink asker) {
        return asker.wantsSums() ? 1 : batch.headRows().length;
    }

    /** All answers, in order. */
    double[] cells() {
        return cells;
    }

    @Override
    public boolean wantsLogits() {
        return false;
    }

    @Override
    public boolean wantsChoices() {
        return asker.wantsChoices();
    }

    @Override
    public Variants logits(int query, int microBatch) {
        throw new IllegalStateException("logits do not travel");
    }

    @Override
    public void losses(int query, int scale, int microBatch, double[] losses, int count) {
        int[] place = place(query, scale, microBatch);
        if (asker.wantsSums()) {
            double sum = 0;
            for (int row = 0; row < count; row++) {
                sum += losses[row];
            }
            cells[place[0]] = sum;
        } else {
            System.arraycopy(losses, 0, cells, place[0], count);
        }
    }

    @Override
    public void choices(int query, int scale, int microBatch, int[] ids, int count) {
        int[] place = place(query, scale, microBatch);
        int from = place[0] + filled[place[1]];
        for (int row = 0; row < count; row++) {
            cells[from + row] = ids[row];
        }
        filled[place[1]] += count;
    }

    /** Where a cell begins among the numbers, and which it is. */
    private int[] place(int query, int scale, int microBatch) {
        int number = 0;
        int cell = 0;
        for (int index = 0; index < query; index++) {
            Part part = share.parts().get(index);
            number += part.scales() * width(part);
            cell += part.scales() * part.batches().size();
        }
        Part part = share.parts().get(query);
        number += scale * width(part);
        cell += scale * part.batches().size() + microBatch;
        for (int index = 0; index < microBatch; index++) {
            number += width(part.batches().get(index), asker);
        }
        return new int[] {number, cell};
    }

    private int width(Part part) {
        int width = 0;
        for (MicroBatch batch : part.batches()) {
            width += width(batch, asker);
        }
        return width;
    }

    /**
     * Tells an asker what a worker found of its share.
     *
     * @param numbers as {@link #cells} has them
     * @param from where they begin
     */
    static void tell(Share share, double[] numbers, int from, HeadSink asker) {
        int at = from;
        for (Part part : share.parts()) {
            for (int scale = 0; scale < part.scales(); scale++) {
                for (int index = 0; index < part.batches().size(); index++) {
                    MicroBatch batch = part.batches().get(index);
                    int width = width(batch, asker);
                    double[] cell = Arrays.copyOfRange(numbers, at, at + width);
                    tell(
                            asker,
                            part.query(),
                            part.firstScale() + scale,
                            part.firstBatch() + index,
                            batch.headRows().length,
                            cell);
                    at += width;
                }
            }
        }
    }

    private static void tell(
            HeadSink asker, int query, int scale, int microBatch, int rows, double[] cell) {
        if (asker.wantsChoices()) {
            int[] ids = Arrays.stream(cell).mapToInt(id -> (int) id).toArray();
            asker.choices(query, scale, microBatch, ids, ids.length);
        } else if (asker.wantsSums()) {
            asker.sum(query, scale, microBatch, cell[0], rows);
        } else {
            asker.losses(query, scale, microBatch, cell, cell.length);
        }
    }
}
