package io.millrace.executor.spread;

import io.millrace.executor.peer.PeerLostException;
import io.millrace.executor.peer.Peers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/** Workers on threads of one process, who meet in memory. */
public final class PeersInProcess {
    private static final Duration DEADLINE = Duration.ofMinutes(5);

    private final Object[] words;
    private final String[] topics;
    private int waiting;
    private long meeting;
    private List<Object> said = List.of();
    private PeerLostException lost;

    private PeersInProcess(int size) {
        words = new Object[size];
        topics = new String[size];
    }

    /** How a worker ended: with what it came to, or with what ended it. */
    public record End<T>(T result, Throwable failure) {}

    /**
     * Runs every worker on a thread of its own; one that fails is lost to the others.
     *
     * @param work of each, by what it sees of the others
     */
    public static <T> List<End<T>> run(int size, Function<Peers, T> work) {
        return run(size, UnaryOperator.identity(), work);
    }

    /** The same where what a worker sees of the others may be disturbed. */
    public static <T> List<End<T>> run(
            int size, UnaryOperator<Peers> disturbed, Function<Peers, T> work) {
        PeersInProcess all = new PeersInProcess(size);
        List<FutureTask<T>> tasks = new ArrayList<>();
        for (int rank = 0; rank < size; rank++) {
            int mine = rank;
            FutureTask<T> task =
                    new FutureTask<>(() -> {
                        try {
                            return work.apply(disturbed.apply(all.of(mine)));
                        } catch (Throwable e) {
                            all.leave(mine, e);
                            throw e;
                        }
                    });
            tasks.add(task);
            Thread.ofPlatform().name("worker-" + rank).start(task);
        }
        return tasks.stream().<End<T>>map(PeersInProcess::end).toList();
    }

    private static <T> End<T> end(FutureTask<T> task) {
        try {
            return new End<>(task.get(), null);
        } catch (ExecutionException e) {
            return new End<>(null, e.getCause());
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private synchronized void leave(int rank, Throwable cause) {
        if (lost == null) {
            lost = new PeerLostException(rank, "worker " + rank + " is lost", cause);
        }
        notifyAll();
    }

    private synchronized List<Object> meet(int rank, String topic, Object mine) {
        long now = meeting;
        words[rank] = mine;
        topics[rank] = topic;
        waiting++;
        if (waiting == words.length) {
            for (String other : topics) {
                if (!other.equals(topics[0])) {
                    lost = new PeerLostException(-1, "at " + String.join(", ", topics), null);
                }
            }
            said = List.of(words.clone());
            waiting = 0;
            meeting++;
            notifyAll();
        }
        long deadlineNs = System.nanoTime() + DEADLINE.toNanos();
        while (meeting == now && lost == null) {
            long leftMs = (deadlineNs - System.nanoTime()) / 1_000_000;
            if (leftMs <= 0) {
                throw new PeerLostException(-1, "nobody comes to " + topic, null);
            }
            try {
                wait(leftMs);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
        if (meeting == now) {
            throw new PeerLostException(lost.rank(), lost.getMessage(), lost.getCause());
        }
        return said;
    }

    private Peers of(int rank) {
        return new Peers() {
            @Override
            public int rank() {
                return rank;
            }

            @Override
            public int size() {
                return words.length;
            }

            @Override
            public List<double[]> gather(long round, double[] mine) {
                return meet(rank, "round " + round, mine.clone()).stream()
                        .map(double[].class::cast)
                        .toList();
            }

            @Override
            public List<byte[]> exchange(String topic, byte[] mine) {
                return meet(rank, topic, mine.clone()).stream().map(byte[].class::cast).toList();
            }
        };
    }
}
