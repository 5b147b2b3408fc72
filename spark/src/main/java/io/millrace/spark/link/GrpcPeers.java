package io.millrace.spark.link;

import io.millrace.executor.peer.PeerLostException;
import io.millrace.executor.peer.Peers;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** The workers of a run over a network: worker 0 hosts, all others are its guests. */
public abstract class GrpcPeers implements Peers, AutoCloseable {
    private final int rank;
    private final JobTerms terms;
    private long calls;

    GrpcPeers(int rank, JobTerms terms) {
        this.rank = rank;
        this.terms = terms;
    }

    /**
     * Worker 0, who listens from here on.
     *
     * @param terms of the job
     * @param bind where to listen; port 0 for any that is free
     * @throws io.millrace.memory.BadInputException where that cannot be opened
     */
    public static GrpcPeers host(JobTerms terms, InetSocketAddress bind) {
        return new HostPeers(terms, bind);
    }

    /**
     * Another worker, who has its seat when this returns.
     *
     * @param rank of this worker, from 1
     * @param terms of the job
     * @param host where worker 0 listens
     * @throws io.millrace.memory.BadInputException where worker 0 does not let it in
     * @throws PeerLostException where worker 0 is not there
     */
    public static GrpcPeers join(int rank, JobTerms terms, InetSocketAddress host) {
        return new GuestPeers(rank, terms, host).seated();
    }

    /** Where worker 0 listens; 0 of any other. */
    public abstract int port();

    @Override
    public int rank() {
        return rank;
    }

    @Override
    public int size() {
        return terms.size();
    }

    @Override
    public List<double[]> gather(long round, double[] mine) {
        List<double[]> all = new ArrayList<>();
        for (byte[] one : say("round " + round, bytes(mine))) {
            all.add(doubles(one));
        }
        return all;
    }

    @Override
    public List<byte[]> exchange(String topic, byte[] mine) {
        return say("topic " + topic, mine);
    }

    private List<byte[]> say(String topic, byte[] mine) {
        List<byte[]> all = meet(new Words(calls++, topic, mine));
        if (all.size() != terms.size()) {
            throw new PeerLostException(
                    0, "worker 0 tells the words of " + all.size() + " of " + terms.size(), null);
        }
        return all;
    }

    /** One call: this worker's words, and then everybody's, in order of ranks. */
    abstract List<byte[]> meet(Words mine);

    /**
     * Tells the others that this worker can go no further; nothing is said after it.
     *
     * @param message one line
     */
    public abstract void fail(String message);

    /** Goes, once what was said has arrived. */
    @Override
    public abstract void close();

    private static byte[] bytes(double[] values) {
        ByteBuffer bytes = ByteBuffer.allocate(Math.multiplyExact(values.length, Double.BYTES));
        for (double value : values) {
            // As it is: a NaN keeps its bits.
            bytes.putLong(Double.doubleToRawLongBits(value));
        }
        return bytes.array();
    }

    private static double[] doubles(byte[] bytes) {
        double[] values = new double[bytes.length / Double.BYTES];
        ByteBuffer from = ByteBuffer.wrap(bytes);
        for (int i = 0; i < values.length; i++) {
            values[i] = Double.longBitsToDouble(from.getLong());
        }
        return values;
    }
}
