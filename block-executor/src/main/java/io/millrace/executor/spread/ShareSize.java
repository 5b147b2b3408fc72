package io.millrace.executor.spread;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.config.data.Parallel;
import io.millrace.executor.spread.Share.Part;
import io.millrace.executor.step.BlockSet;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.optim.estimate.Query;
import java.util.List;

/**
 * How much of a pass a worker is asked, for forecasts.
 *
 * @param scales of each of its queries
 * @param microBatches that they are asked of
 */
public record ShareSize(List<Integer> scales, List<MicroBatch> microBatches) {
    /** Freezes the lists. */
    public ShareSize {
        scales = List.copyOf(scales);
        microBatches = List.copyOf(microBatches);
    }

    /** Whether the pass leaves nothing for the worker. */
    public boolean isEmpty() {
        return scales.isEmpty();
    }

    /**
     * What each worker is asked, in order of rank, where all queries see the same sequences.
     *
     * @param grain what can be asked apart
     * @param mode what is divided
     */
    public static List<ShareSize> of(
            List<Query> queries,
            List<MicroBatch> batch,
            Forward.Grain grain,
            Parallel mode,
            int workers) {
        ForwardRequest whole =
                new ForwardRequest(
                        1,
                        List.of(batch),
                        queries,
                        null, // nothing is computed
                        BlockSet.ALL,
                        ForwardRequest.Folding.SCHEDULED);
        return Shares.of(whole, grain, mode, workers).stream()
                .map(share ->
                        new ShareSize(
                                share.parts().stream().map(Part::scales).toList(),
                                share.isEmpty() ? List.of() : share.parts().getFirst().batches()))
                .toList();
    }
}
