package io.millrace.executor;

import io.millrace.optim.Probe;
import java.util.List;

/**
 * One pass over the model: which losses are asked for, and how updates that the stored weights do
 * not hold yet are seen.
 *
 * @param step the step that asks, or the last one done when nothing is tuned
 * @param microBatches the batch
 * @param probes directions and scales
 * @param updates the run's updates
 * @param foldThrough updates through this step are rounded into the stored weights on the way; 0
 *     leaves the stored weights alone
 * @param roundLast whether the weights are seen rounded to their storage dtype, as a save would
 *     write them; a step sees pending updates in float32
 */
record ForwardRequest(
        long step,
        List<MicroBatch> microBatches,
        List<Probe> probes,
        UpdateLog updates,
        long foldThrough,
        boolean roundLast) {
    private static final List<Probe> AT_THETA = List.of(new Probe(0, List.of(0f)));

    /** The probes of a step, with the folding that its number asks for. */
    static ForwardRequest step(
            long step,
            List<MicroBatch> microBatches,
            List<Probe> probes,
            UpdateLog updates,
            int foldEvery) {
        long foldThrough = (step - 1) / foldEvery * foldEvery;
        return new ForwardRequest(step, microBatches, probes, updates, foldThrough, false);
    }

    /** The model as it would be saved now. */
    static ForwardRequest plain(List<MicroBatch> microBatches, UpdateLog updates) {
        return new ForwardRequest(updates.lastStep(), microBatches, AT_THETA, updates, 0, true);
    }

    /** Only folding. */
    static ForwardRequest flush(UpdateLog updates, long throughStep) {
        return new ForwardRequest(throughStep, List.of(), List.of(), updates, throughStep, false);
    }

    /** Scales of the probes before one. */
    int firstScale(int probe) {
        int scales = 0;
        for (Probe earlier : probes.subList(0, probe)) {
            scales += earlier.scales().size();
        }
        return scales;
    }
}
