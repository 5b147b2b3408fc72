package io.millrace.executor.spread;

import io.millrace.executor.config.data.Parallel;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.executor.step.HeadSink;
import io.millrace.executor.step.UpdateLog;
import java.lang.System.Logger.Level;
import java.util.List;

/**
 * The passes of a step that all workers of a run take together: each goes through its own blocks
 * with a share of what is asked, and hears what the others found.
 */
public final class SpreadForward implements Forward {
    private static final System.Logger LOG = System.getLogger(SpreadForward.class.getName());

    private final Forward own;
    private final Workers workers;
    private final Parallel mode;
    private final Grain grain;
    private final Runnable begins;
    private boolean warned;

    /**
     * A worker's side of the passes.
     *
     * @param own computes its shares; its owner closes it
     * @param workers the others
     * @param mode what is divided
     * @param begins hears of each pass that this worker has a share of, before it begins
     */
    public SpreadForward(Forward own, Workers workers, Parallel mode, Runnable begins) {
        this.own = own;
        this.workers = workers;
        this.mode = mode;
        this.begins = begins;
        grain = agreed();
    }

    /** The finer grain where every worker has found it good. */
    private Grain agreed() {
        Grain sure = own.grain();
        Grain tried = own.triedGrain();
        double[] words = {tried.scalesAtOnce(), tried.scalesApart() ? 1 : 0};
        List<double[]> all = workers.gather(words);
        for (int rank = 0; rank < all.size(); rank++) {
            workers.requireNumbers(rank, all.get(rank), words.length);
            double[] found = all.get(rank);
            if (found[Workers.HEAD] != words[0] || found[Workers.HEAD + 1] != words[1]) {
                return sure;
            }
        }
        return tried;
    }

    @Override
    public void run(ForwardRequest request, HeadSink sink) {
        List<Share> shares = Shares.of(request, grain, mode, workers.size());
        warnOnce(shares);
        Share mine = shares.get(workers.rank());
        CellSink cells = new CellSink(mine, sink);
        if (!mine.isEmpty()) {
            begins.run();
            own.run(mine.of(request), cells);
        }
        List<double[]> found = workers.gather(cells.cells());
        // In order of rank a cell's micro-batches come in theirs.
        for (int rank = 0; rank < shares.size(); rank++) {
            Share share = shares.get(rank);
            workers.requireNumbers(rank, found.get(rank), CellSink.size(share, sink));
            CellSink.tell(share, found.get(rank), Workers.HEAD, sink);
        }
    }

    /** Says so where a step leaves workers without anything to do. */
    private void warnOnce(List<Share> shares) {
        long idle = shares.stream().filter(Share::isEmpty).count();
        if (workers.leads() && !warned && idle > 0) {
            LOG.log(
                    Level.WARNING,
                    "{0} of {1} workers have nothing to do in a step: a smaller --micro-batch or"
                            + " more --queries would divide it further",
                    idle,
                    workers.size());
        }
        warned = true;
    }

    @Override
    public void fold(UpdateLog updates, ForwardRequest.Folding folding, BlockConsumer then) {
        own.fold(updates, folding, then);
    }

    @Override
    public void close() {
        // The owner of the forward that computes closes it.
    }
}
