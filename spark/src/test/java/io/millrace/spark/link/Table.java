package io.millrace.spark.link;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;

/** A host and its guests in one process, each on a thread of its own. */
final class Table implements AutoCloseable {
    static final String TOKEN = "a token of this test";

    final JobTerms terms;
    final List<GrpcPeers> workers = new ArrayList<>();
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

    Table(JobTerms terms) {
        this.terms = terms;
        workers.add(
                GrpcPeers.host(terms, new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)));
    }

    /** All of them, seated. */
    static Table of(int size) {
        Table table = new Table(terms(size));
        for (int rank = 1; rank < size; rank++) {
            table.join(rank);
        }
        return table;
    }

    static JobTerms terms(int size) {
        return new JobTerms(
                size, TOKEN, "1", Duration.ofSeconds(30), Duration.ofSeconds(10), Optional.empty());
    }

    GrpcPeers join(int rank) {
        workers.add(GrpcPeers.join(rank, terms, address()));
        return workers.getLast();
    }

    InetSocketAddress address() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), workers.getFirst().port());
    }

    /** What each worker, by rank, gets from doing something; a failure as it was. */
    <T> List<Object> all(Function<GrpcPeers, T> what) throws InterruptedException {
        List<Future<T>> futures = new ArrayList<>();
        for (GrpcPeers worker : workers) {
            futures.add(threads.submit(() -> what.apply(worker)));
        }
        List<Object> results = new ArrayList<>();
        for (Future<T> future : futures) {
            try {
                results.add(future.get(60, TimeUnit.SECONDS));
            } catch (ExecutionException e) {
                results.add(e.getCause());
            } catch (TimeoutException e) {
                results.add(e);
            }
        }
        return results;
    }

    @Override
    public void close() {
        try {
            all(worker -> {
                worker.close();
                return null;
            });
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        threads.shutdownNow();
    }
}
