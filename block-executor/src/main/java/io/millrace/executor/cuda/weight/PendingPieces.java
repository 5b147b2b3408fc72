package io.millrace.executor.cuda.weight;

import io.millrace.executor.step.UpdateLog;
import io.millrace.memory.BlockLayout;
import io.millrace.optim.update.PendingUpdates;
import io.millrace.optim.update.Update;
import io.millrace.prefetch.BlockLease;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.ToIntFunction;

/**
 * Folds beforehand where more updates are pending than one pass takes. Cut where parameters are
 * rounded anyway, pieces make the same bytes as all at once.
 *
 * @param foldEvery updates from one rounding to the next
 * @param fitting how many of some updates, from the first, one pass takes
 */
public record PendingPieces(int foldEvery, ToIntFunction<List<Update>> fitting) {
    /**
     * Folds until the rest fits.
     *
     * @param fold folds a piece into all tensors
     */
    public void prepare(
            BlockLease lease, BlockLayout block, UpdateLog updates, Consumer<PendingUpdates> fold) {
        List<Update> rest = updates.after(lease.foldedThrough(), block.index());
        for (int fit = fitting.applyAsInt(rest);
                fit < rest.size();
                fit = fitting.applyAsInt(rest)) {
            long held = lease.foldedThrough();
            long through = (held + fit) / foldEvery * foldEvery;
            if (through == held) {
                throw new IllegalStateException(
                        "no pass has room for the steps from " + held + " to the next fold");
            }
            List<Update> piece = rest.subList(0, (int) (through - held));
            PendingUpdates pending = PendingUpdates.of(held, foldEvery, piece);
            if (pending.changes()) {
                fold.accept(pending);
            }
            lease.markFolded(through, pending.changes());
            rest = updates.after(through, block.index());
        }
    }
}
