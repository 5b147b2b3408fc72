package io.millrace.spark.measure;

import io.millrace.spark.link.GrpcPeers;
import io.millrace.spark.link.JobTerms;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Measures gatherings of a few doubles among processes of this machine, as the steps of a run have
 * them:
 *
 * <pre>
 *   java -cp 'spark/target/workers/lib/*' io.millrace.spark.measure.ExchangeTimes [WORKERS [ROUNDS]]
 * </pre>
 */
public final class ExchangeTimes {
    private static final String TOKEN = "a token of a measurement";
    private static final int DOUBLES = 8;
    private static final int WARM_UP = 2_000;

    private ExchangeTimes() {}

    /** Measures, as worker 0 sees it; with four arguments, is one of the others. */
    public static void main(String[] arguments) throws IOException {
        int workers = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 4;
        int rounds = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 10_000;
        JobTerms terms =
                new JobTerms(
                        workers,
                        TOKEN,
                        "measured",
                        Duration.ofMinutes(1),
                        Duration.ofSeconds(20),
                        Optional.empty());
        if (arguments.length == 4) {
            int port = Integer.parseInt(arguments[3]);
            InetSocketAddress host = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
            try (GrpcPeers peers = GrpcPeers.join(Integer.parseInt(arguments[2]), terms, host)) {
                gather(peers, WARM_UP + rounds);
            }
            return;
        }
        try (GrpcPeers peers =
                GrpcPeers.host(terms, new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))) {
            for (int rank = 1; rank < workers; rank++) {
                start(workers, rounds, rank, peers.port());
            }
            long[] ns = gather(peers, WARM_UP + rounds);
            long[] measured = Arrays.copyOfRange(ns, WARM_UP, ns.length);
            Arrays.sort(measured);
            System.out.printf(
                    Locale.ROOT,
                    "%d workers, %d rounds of %d doubles: p50 %.3f ms, p99 %.3f ms, most %.3f ms%n",
                    workers,
                    rounds,
                    DOUBLES,
                    ms(measured, 0.5),
                    ms(measured, 0.99),
                    ms(measured, 1));
        }
    }

    private static long[] gather(GrpcPeers peers, int rounds) {
        long[] ns = new long[rounds];
        double[] mine = new double[DOUBLES];
        for (int round = 0; round < rounds; round++) {
            long began = System.nanoTime();
            peers.gather(round, mine);
            ns[round] = System.nanoTime() - began;
        }
        return ns;
    }

    private static double ms(long[] sorted, double share) {
        int index = (int) Math.min(sorted.length - 1L, (long) (share * sorted.length));
        return sorted[index] / 1e6;
    }

    private static void start(int workers, int rounds, int rank, int port) throws IOException {
        List<String> line = new ArrayList<>();
        line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        line.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        line.addAll(List.of("-cp", System.getProperty("java.class.path")));
        line.add(ExchangeTimes.class.getName());
        line.addAll(List.of("" + workers, "" + rounds, "" + rank, "" + port));
        new ProcessBuilder(line).inheritIO().start();
    }
}
