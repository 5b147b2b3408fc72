package io.millrace.executor.step;

import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.update.Update;
import io.millrace.optim.update.UpdateRule;
import java.util.ArrayList;
import java.util.List;

/** Every update of the run so far, by step: what a block that comes to the device has not seen. */
public final class UpdateLog {
    private final UpdateRule rule;
    private final List<Update> updates = new ArrayList<>();

    public UpdateLog(UpdateRule rule) {
        this.rule = rule;
    }

    /** Adds the next step's record. */
    public void add(StepRecord record) {
        if (record.step() != lastStep() + 1) {
            throw new IllegalArgumentException(
                    "step " + record.step() + " after step " + lastStep());
        }
        updates.add(rule.next(record));
    }

    /** The last step that is in the log, 0 before the first. */
    public long lastStep() {
        return updates.size();
    }

    /** The updates of steps after one, in order; a view. */
    public List<Update> after(long step) {
        return updates.subList(Math.toIntExact(step), updates.size());
    }
}
