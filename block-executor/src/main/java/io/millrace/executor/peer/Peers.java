package io.millrace.executor.peer;

import java.util.List;

/**
 * The workers of one run, as one of them sees the others. All workers take the same calls in the
 * same order; each call blocks until every worker's words are there, or throws.
 */
public interface Peers {
    /** A run of its own: one worker, who hears itself alone. */
    Peers ALONE =
            new Peers() {
                @Override
                public int rank() {
                    return 0;
                }

                @Override
                public int size() {
                    return 1;
                }

                @Override
                public List<double[]> gather(long round, double[] mine) {
                    return List.of(mine);
                }

                @Override
                public List<byte[]> exchange(String topic, byte[] mine) {
                    return List.of(mine);
                }
            };

    /** This worker, from 0; worker 0 keeps the journal that counts. */
    int rank();

    /** How many workers there are, at least 1. */
    int size();

    /**
     * What all workers measured, in order of their ranks; bits of NaN arrive as they left.
     *
     * @param round counts gatherings from 0 up, the same number on every worker
     * @param mine what this worker measured; of any length, and every worker's may differ
     * @throws PeerLostException when a worker is gone, silent past the deadline, or in another
     *     round
     */
    List<double[]> gather(long round, double[] mine);

    /**
     * What all workers say of a topic, in order of their ranks: for the meetings of a run, not for
     * its steps.
     *
     * @param topic what is spoken of, the same on every worker
     * @param mine what this worker says, up to tens of MB
     * @throws PeerLostException when a worker is gone, silent past the deadline, or at another
     *     topic
     */
    List<byte[]> exchange(String topic, byte[] mine);
}
