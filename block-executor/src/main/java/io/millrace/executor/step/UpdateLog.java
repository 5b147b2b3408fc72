package io.millrace.executor.step;

import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.participation.AllLayers;
import io.millrace.optim.participation.Participation;
import io.millrace.optim.update.Update;
import io.millrace.optim.update.UpdateRule;
import java.util.ArrayList;
import java.util.List;

/** Every update of the run so far, by step: what a block that comes to the device has not seen. */
public final class UpdateLog {
    private final UpdateRule rule;
    private final Participation participation;
    private final List<List<Integer>> visits;
    private final List<Update> updates = new ArrayList<>();
    // By step, as the updates; both are empty where every block has a part in every step.
    private final List<Update> stills = new ArrayList<>();
    private final List<BlockSet> parts = new ArrayList<>();

    /** A log of a run of which every block has a part in every step. */
    public UpdateLog(UpdateRule rule) {
        this(rule, new AllLayers(), List.of());
    }

    /**
     * A log before the first step.
     *
     * @param rule makes updates of records
     * @param participation says which layers have a part in a step
     * @param visits blocks in the order in which they pass: embedding, layers with their experts,
     *     head
     */
    public UpdateLog(UpdateRule rule, Participation participation, List<List<Integer>> visits) {
        this.rule = rule;
        this.participation = participation;
        this.visits = List.copyOf(visits);
    }

    /** Adds the next step's record. */
    public void add(StepRecord record) {
        if (record.step() != lastStep() + 1) {
            throw new IllegalArgumentException(
                    "step " + record.step() + " after step " + lastStep());
        }
        Update update = rule.next(record);
        updates.add(update);
        if (!participation.isWhole()) {
            stills.add(update.still());
            parts.add(blocksOf(record.step(), record.seed()));
        }
    }

    /** The blocks that have a part in a step, whose seed this is. */
    public BlockSet blocksOf(long step, long stepSeed) {
        return BlockSet.of(participation, step, stepSeed, visits);
    }

    /** The last step that is in the log, 0 before the first. */
    public long lastStep() {
        return updates.size();
    }

    /**
     * The updates of steps after one as a block takes them, in order. The same update is the same
     * object whenever it is asked for.
     */
    public List<Update> after(long step, int block) {
        int from = Math.toIntExact(step);
        if (participation.isWhole()) {
            return updates.subList(from, updates.size());
        }
        List<Update> taken = new ArrayList<>(updates.size() - from);
        for (int index = from; index < updates.size(); index++) {
            taken.add((parts.get(index).has(block) ? updates : stills).get(index));
        }
        return taken;
    }
}
