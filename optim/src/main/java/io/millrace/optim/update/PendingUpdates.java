package io.millrace.optim.update;

import java.util.List;

/**
 * The updates that a block's stored bytes have not seen, in order of step, and the schedule by
 * which they are folded in. Parameters are rounded to their storage dtype after every step that is
 * a multiple of {@code foldEvery}, wherever the block lies and whenever it is visited: so the
 * result does not depend on the visits. Immutable.
 */
public final class PendingUpdates {
    private final long appliedThrough;
    private final int foldEvery;
    private final boolean flush;
    private final List<Update> updates;
    private final long foldThrough;

    private PendingUpdates(
            long appliedThrough, int foldEvery, boolean flush, List<Update> updates) {
        this.appliedThrough = appliedThrough;
        this.foldEvery = foldEvery;
        this.flush = flush;
        this.updates = List.copyOf(updates);
        long last = lastStep();
        this.foldThrough = flush ? last : Math.max(appliedThrough, last - last % foldEvery);
    }

    /**
     * Updates over stored bytes that hold all steps before them.
     *
     * @param appliedThrough the last step that the stored bytes hold, 0 for the base weights
     * @param foldEvery steps from one rounding to the next, 1 or more
     * @param updates the steps after it, without a gap
     */
    public static PendingUpdates of(long appliedThrough, int foldEvery, List<Update> updates) {
        if (foldEvery < 1 || appliedThrough < 0) {
            throw new IllegalArgumentException(
                    "foldEvery " + foldEvery + ", appliedThrough " + appliedThrough);
        }
        for (int i = 0; i < updates.size(); i++) {
            if (updates.get(i).step() != appliedThrough + 1 + i) {
                throw new IllegalArgumentException(
                        "update of step "
                                + updates.get(i).step()
                                + " where step "
                                + (appliedThrough + 1 + i)
                                + " is due");
            }
        }
        return new PendingUpdates(appliedThrough, foldEvery, false, updates);
    }

    /** The same updates, also folded after the last of them: for what is saved or evaluated. */
    public PendingUpdates flushed() {
        return new PendingUpdates(appliedThrough, foldEvery, true, updates);
    }

    /** Those alone that a pass which stores brings into the bytes: a reader sees these. */
    public PendingUpdates folding() {
        int folded = (int) (foldThrough - appliedThrough);
        return new PendingUpdates(appliedThrough, foldEvery, flush, updates.subList(0, folded));
    }

    /** What is still pending once the bytes as of {@link #foldThrough} are stored. */
    public PendingUpdates afterStore() {
        int folded = (int) (foldThrough - appliedThrough);
        return new PendingUpdates(
                foldThrough, foldEvery, false, updates.subList(folded, updates.size()));
    }

    /** The last step that the stored bytes hold now. */
    public long appliedThrough() {
        return appliedThrough;
    }

    /** The last step that the stored bytes hold after a pass that stores. */
    public long foldThrough() {
        return foldThrough;
    }

    /** The last step that a reader of the parameters sees. */
    public long lastStep() {
        return appliedThrough + updates.size();
    }

    /** Whether any of the updates changes a parameter. */
    public boolean changes() {
        return !allStill(updates);
    }

    /** Whether any of the updates up to {@link #foldThrough} changes a parameter. */
    public boolean foldChanges() {
        return !allStill(updates.subList(0, (int) (foldThrough - appliedThrough)));
    }

    private static boolean allStill(List<Update> updates) {
        for (int i = 0; i < updates.size(); i++) {
            if (!updates.get(i).isStill()) {
                return false;
            }
        }
        return true;
    }

    /** Whether a pass that stores advances the stored bytes. */
    public boolean folds() {
        return foldThrough > appliedThrough;
    }

    /** Whether parameters are rounded to their storage dtype after this step. */
    public boolean foldsAfter(long step) {
        return step % foldEvery == 0 || (flush && step == lastStep());
    }

    /** How many updates are pending. */
    public int size() {
        return updates.size();
    }

    /** All of them, in order of step. */
    public List<Update> updates() {
        return updates;
    }

    /** One of them, from 0. */
    public Update update(int index) {
        return updates.get(index);
    }
}
