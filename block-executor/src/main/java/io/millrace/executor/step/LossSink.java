package io.millrace.executor.step;

import io.millrace.optim.estimate.Probe;
import java.util.ArrayList;
import java.util.List;

/** Keeps the loss of every head row of a batch, for every probe and scale, in order of row. */
public final class LossSink implements HeadSink {
    private final List<double[][]> losses = new ArrayList<>();
    private int[] filled = new int[0];

    /**
     * Makes ready for one forward; memory is kept from the last where it suffices.
     *
     * @param probes what will be asked
     * @param rowCount head rows of all micro-batches
     */
    public void prepare(List<Probe> probes, int rowCount) {
        for (int probe = 0; probe < probes.size(); probe++) {
            int scales = probes.get(probe).scales().size();
            if (probe == losses.size()) {
                losses.add(new double[scales][rowCount]);
            } else if (losses.get(probe).length != scales
                    || losses.get(probe)[0].length < rowCount) {
                losses.set(probe, new double[scales][rowCount]);
            }
        }
        int cells = 0;
        for (double[][] probe : losses) {
            cells += probe.length;
        }
        if (filled.length < cells) {
            filled = new int[cells];
        }
        java.util.Arrays.fill(filled, 0);
    }

    @Override
    public boolean wantsLogits() {
        return false;
    }

    @Override
    public Variants logits(int probe, int microBatch) {
        throw new IllegalStateException("this sink takes losses");
    }

    @Override
    public void losses(int probe, int scale, int microBatch, double[] rows, int count) {
        int cell = cell(probe, scale);
        System.arraycopy(rows, 0, losses.get(probe)[scale], filled[cell], count);
        filled[cell] += count;
    }

    /** Losses of one probe and scale, in order of head row. */
    public double[] of(int probe, int scale) {
        return losses.get(probe)[scale];
    }

    /** Mean over the head rows, summed in order. */
    double mean(int probe, int scale) {
        int count = filled[cell(probe, scale)];
        double sum = 0;
        for (int row = 0; row < count; row++) {
            sum += losses.get(probe)[scale][row];
        }
        return sum / count;
    }

    private int cell(int probe, int scale) {
        int cell = scale;
        for (int earlier = 0; earlier < probe; earlier++) {
            cell += losses.get(earlier).length;
        }
        return cell;
    }
}
