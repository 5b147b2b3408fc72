package io.millrace.executor.spread;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.peer.PeerLostException;
import io.millrace.executor.peer.Peers;
import io.millrace.memory.BadInputException;
import io.millrace.telemetry.ProcessMemory;
import io.millrace.telemetry.StepOverlap;
import io.millrace.telemetry.WorkerMetrics;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * The workers of a run as its steps see them. With what a worker found travels what its last step
 * came to, and what worker 0 wishes: that costs no exchange of its own.
 */
public final class Workers {
    /** Numbers before those that a worker found: the last step, its checksum, and a wish. */
    static final int HEAD = 3;

    private static final System.Logger LOG = System.getLogger(Workers.class.getName());

    private final Peers peers;
    private final Meetings meetings;
    private Supplier<Wish> wishes = () -> Wish.GO_ON;
    private Wish heard = Wish.GO_ON;
    private long round;
    private long lastStep;
    private int checksum;
    private final StepFigures figures;
    private long waitedNs;

    /** Workers that have not met yet. */
    public Workers(Peers peers) {
        this.peers = peers;
        meetings = new Meetings(peers);
        figures = new StepFigures(peers.rank(), peers.size());
    }

    /** A run of its own. */
    public static Workers alone() {
        return new Workers(Peers.ALONE);
    }

    /**
     * Holds a run to what several can share: losses, and no gradient.
     *
     * @throws BadInputException where its steps need more
     */
    public static void requireShared(ArithmeticConfig arithmetic) {
        if (!arithmetic.isReplayable()) {
            throw new BadInputException(
                    "--workers",
                    arithmetic.optimizer()
                            + " goes along the gradient, and workers exchange losses alone",
                    "leave it out, or give a method that needs forward passes alone");
        }
    }

    /** Whether there is one worker only, to whom nothing needs to be told. */
    public boolean isAlone() {
        return peers.size() == 1;
    }

    /** Whether this is the worker that keeps what counts. */
    public boolean leads() {
        return peers.rank() == 0;
    }

    public int rank() {
        return peers.rank();
    }

    public int size() {
        return peers.size();
    }

    /** What is said before the first step. */
    public Meetings meetings() {
        return meetings;
    }

    /** Says what worker 0 wishes whenever it speaks; of others nobody asks. */
    public void wishes(Supplier<Wish> ofMine) {
        wishes = ofMine;
    }

    /**
     * Says what the last step came to here: the next time that workers speak it must have come to
     * the same everywhere.
     *
     * @param step that was done
     * @param crc of its record
     */
    public void done(long step, int crc) {
        lastStep = step;
        checksum = crc;
    }

    /**
     * Says how the last step went here: all hear of it the next time that workers speak.
     *
     * @param overlap the step's lanes and length
     */
    public void measured(StepOverlap overlap) {
        figures.add(lastStep, overlap, waitedNs / 1e9, ProcessMemory.read().residentBytes());
        waitedNs = 0;
    }

    /** What workers have told of their last step, in order of rank. */
    public List<WorkerMetrics> figures() {
        return figures.told();
    }

    /** How this worker's clock stands to worker 0's; all workers ask at the same place. */
    public ClockOffset clock(LongSupplier clock) {
        return isAlone() ? new ClockOffset(0, 0, clock.getAsLong()) : ClockOffset.meet(this, clock);
    }

    /**
     * What all workers have for worker 0 at the end of their steps, in order of rank; where one is
     * lost, the run is as good as done, and there is nothing.
     */
    public List<byte[]> leave(byte[] mine) {
        try {
            return peers.exchange("timeline", mine);
        } catch (PeerLostException e) {
            LOG.log(Level.WARNING, "the timeline is worker 0's alone: {0}", e.getMessage());
            return List.of();
        }
    }

    /** Asks worker 0 what is to come, where no pass has carried it. */
    public Wish ask() {
        if (isAlone()) {
            return wishes.get();
        }
        gather(new double[0]);
        return heard;
    }

    /** What worker 0 wished when workers spoke last; a worker alone is asked now. */
    public Wish heard() {
        return isAlone() ? wishes.get() : heard;
    }

    /**
     * What all workers found, in order of rank, from {@link #HEAD} on.
     *
     * @throws PeerLostException where a worker is lost, or its last step came to something else
     */
    List<double[]> gather(double[] found) {
        double[] words = new double[HEAD + found.length];
        words[0] = lastStep;
        words[1] = checksum;
        words[2] = leads() ? wishes.get().word() : 0;
        System.arraycopy(found, 0, words, HEAD, found.length);
        long saidNs = System.nanoTime();
        List<double[]> said = peers.gather(round, figures.behind(round, words));
        waitedNs += System.nanoTime() - saidNs;
        List<double[]> all = new ArrayList<>();
        for (int rank = 0; rank < said.size(); rank++) {
            all.add(figures.hear(round, rank, said.get(rank)));
        }
        round++;
        for (int rank = 0; rank < all.size(); rank++) {
            requireSameStep(rank, all.get(rank), all.getFirst());
        }
        heard = Wish.of(all.getFirst()[2]);
        return all;
    }

    private void requireSameStep(int rank, double[] words, double[] first) {
        if (words.length < HEAD) {
            throw lost(rank, "says nothing of its last step");
        }
        if (words[0] != first[0]) {
            throw lost(
                    rank,
                    "is at step " + (long) words[0] + " where worker 0 is at " + (long) first[0]);
        }
        if (words[1] != first[1]) {
            throw lost(
                    rank,
                    "came to another record of step "
                            + (long) words[0]
                            + " than worker 0: its machine computes otherwise, or its memory is at"
                            + " fault");
        }
    }

    /** Holds what a worker found to the share that it was asked. */
    void requireNumbers(int rank, double[] words, int expected) {
        if (words.length != HEAD + expected) {
            throw lost(
                    rank,
                    "answered with "
                            + (words.length - HEAD)
                            + " numbers where "
                            + expected
                            + " were asked");
        }
    }

    private static PeerLostException lost(int rank, String what) {
        return new PeerLostException(rank, "worker " + rank + " " + what, null);
    }
}
