package io.millrace.spark.worker;

import io.millrace.executor.peer.PeerLostException;
import io.millrace.executor.peer.Peers;
import java.util.List;
import java.util.function.Supplier;

/** Remembers whether a worker was lost: then a run that fails did nothing wrong. */
final class WatchedPeers implements Peers {
    private final Peers peers;
    private volatile boolean lost;

    WatchedPeers(Peers peers) {
        this.peers = peers;
    }

    boolean haveLostOne() {
        return lost;
    }

    @Override
    public int rank() {
        return peers.rank();
    }

    @Override
    public int size() {
        return peers.size();
    }

    @Override
    public List<double[]> gather(long round, double[] mine) {
        return watch(() -> peers.gather(round, mine));
    }

    @Override
    public List<byte[]> exchange(String topic, byte[] mine) {
        return watch(() -> peers.exchange(topic, mine));
    }

    private <T> T watch(Supplier<T> call) {
        try {
            return call.get();
        } catch (PeerLostException e) {
            lost = true;
            throw e;
        }
    }
}
