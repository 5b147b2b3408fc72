package io.millrace.model.adapter.cores;

import io.millrace.model.adapter.Adapter;
import io.millrace.model.adapter.AdapterSettings;
import io.millrace.model.program.ModelProgram;
import java.util.List;

/**
 * Which bottlenecks of tensor trains stand in a model's layers (AdaZeta, arXiv 2406.18060).
 *
 * @param targets modules by the ends of their paths, or {@link #AUTO} alone
 * @param width numbers of a row in a bottleneck's middle
 * @param rank between any two cores
 * @param option that says the targets, for messages
 */
public record TensorTrainSettings(List<String> targets, int width, int rank, String option)
        implements AdapterSettings {
    /** Stands for the products of every feed-forward part. */
    public static final String AUTO = "auto";

    /** The widest middle: a worker's memory holds those of a few rows. */
    public static final int MOST_WIDTH = 2048;

    /** The largest rank, for the same reason. */
    public static final int MOST_RANK = 1024;

    /** Freezes the list. */
    public TensorTrainSettings {
        targets = List.copyOf(targets);
    }

    @Override
    public Adapter of(ModelProgram stored, ModelProgram published) {
        return new TensorTrains(stored, published, this);
    }

    /** Whether targets are whatever products feed-forward parts have. */
    boolean isAuto() {
        return targets.equals(List.of(AUTO));
    }
}
