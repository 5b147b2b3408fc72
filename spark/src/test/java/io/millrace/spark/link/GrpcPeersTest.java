package io.millrace.spark.link;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.peer.PeerLostException;
import io.millrace.memory.BadInputException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(value = 2, unit = TimeUnit.MINUTES)
class GrpcPeersTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4})
    void everybodyHearsAllInOrderOfRanks(int size) throws Exception {
        long seed = Long.getLong("test.seed", System.nanoTime());
        List<List<double[]>> said = new ArrayList<>();
        for (int round = 0; round < 50; round++) {
            said.add(new ArrayList<>());
            for (int rank = 0; rank < size; rank++) {
                Random random = new Random(seed + 31L * round + rank);
                // Any bits: those of a NaN too, and now and then no number at all.
                said.getLast()
                        .add(
                                random.longs(random.nextInt(4))
                                        .mapToDouble(Double::longBitsToDouble)
                                        .toArray());
            }
        }
        try (Table table = Table.of(size)) {
            List<Object> heard =
                    table.all(worker -> {
                        List<List<double[]>> rounds = new ArrayList<>();
                        for (int round = 0; round < said.size(); round++) {
                            double[] mine = said.get(round).get(worker.rank());
                            rounds.add(worker.gather(round, mine));
                        }
                        return bits(rounds);
                    });

            assertThat(heard).as("-Dtest.seed=" + seed).hasSize(size).containsOnly(bits(said));
        }
    }

    private static List<List<List<Long>>> bits(List<List<double[]>> rounds) {
        return rounds.stream()
                .map(round ->
                        round.stream()
                                .map(one ->
                                        IntStream.range(0, one.length)
                                                .mapToObj(i -> Double.doubleToRawLongBits(one[i]))
                                                .toList())
                                .toList())
                .toList();
    }

    @Test
    void journalsOfManyMegabytesPass() throws Exception {
        byte[] journal = new byte[40 << 20];
        new Random(5).nextBytes(journal);
        try (Table table = Table.of(3)) {
            List<Object> heard =
                    table.all(worker ->
                            worker.exchange("journal", worker.rank() == 0 ? journal : new byte[0]));

            for (Object one : heard) {
                assertThat(one).isInstanceOf(List.class);
                assertThat((byte[]) ((List<?>) one).getFirst()).isEqualTo(journal);
            }
        }
    }

    @Test
    void whoeverLeavesTheStepIsNamed() throws Exception {
        try (Table table = Table.of(3)) {
            List<Object> heard =
                    table.all(worker -> worker.gather(worker.rank() == 2 ? 8 : 7, new double[1]));

            assertThat(heard).allSatisfy(one -> assertLost(one, 2, "round 8", "round 7"));
        }
    }

    @Test
    void aWorkerThatGoesEndsTheOthersAtOnce() throws Exception {
        try (Table table = Table.of(4)) {
            long beganNs = System.nanoTime();
            List<Object> heard =
                    table.all(worker -> {
                        if (worker.rank() == 2) {
                            worker.close();
                            return "gone";
                        }
                        return worker.gather(0, new double[] {1});
                    });

            assertThat(heard.remove(2)).isEqualTo("gone");
            assertThat(heard).allSatisfy(one -> assertLost(one, 2, "has ended its run"));
            assertThat(Duration.ofNanos(System.nanoTime() - beganNs))
                    .isLessThan(Duration.ofSeconds(9));
        }
    }

    @Test
    void whatAWorkerDiesOfIsToldToTheOthers() throws Exception {
        try (Table table = Table.of(3)) {
            List<Object> heard =
                    table.all(worker -> {
                        if (worker.rank() == 1) {
                            worker.fail("the drive is full");
                            return "gone";
                        }
                        return worker.gather(0, new double[] {1});
                    });

            assertThat(heard.remove(1)).isEqualTo("gone");
            assertThat(heard).allSatisfy(one -> assertLost(one, 1, "the drive is full"));
        }
    }

    @Test
    void withoutWorkerZeroAllEnd() throws Exception {
        try (Table table = Table.of(3)) {
            List<Object> heard =
                    table.all(worker -> {
                        if (worker.rank() == 0) {
                            worker.fail("out of memory");
                            return "gone";
                        }
                        return worker.gather(0, new double[] {1});
                    });

            assertThat(heard.removeFirst()).isEqualTo("gone");
            assertThat(heard).allSatisfy(one -> assertLost(one, 0, "out of memory"));
        }
    }

    @Test
    void aCutLinkIsNoticedAndNamed() throws Exception {
        JobTerms terms =
                new JobTerms(
                        3,
                        Table.TOKEN,
                        "1",
                        Duration.ofMinutes(1),
                        Duration.ofSeconds(2),
                        Optional.empty());
        try (Table table = new Table(terms);
                CuttableLink link = new CuttableLink(table.address())) {
            table.workers.add(GrpcPeers.join(1, terms, link.address()));
            table.join(2);
            assertThat(table.all(worker -> worker.gather(0, new double[] {1}).size()))
                    .containsOnly(3);
            link.cut();
            long beganNs = System.nanoTime();
            List<Object> heard = table.all(worker -> worker.gather(1, new double[] {1}));

            assertThat(Duration.ofNanos(System.nanoTime() - beganNs))
                    .isLessThan(Duration.ofSeconds(12));
            assertLost(heard.get(0), 1, "worker 1 (127.0.0.1) was silent for 2.0 s");
            assertLost(heard.get(1), 0, "worker 0 (", "was silent for 2.0 s");
            assertLost(heard.get(2), 1, "worker 1 (127.0.0.1) was silent for 2.0 s");
        }
    }

    @Test
    void whoComputesTooLongIsWaitedForNoLonger() throws Exception {
        JobTerms terms =
                new JobTerms(
                        3,
                        Table.TOKEN,
                        "1",
                        Duration.ofSeconds(2),
                        Duration.ofSeconds(1),
                        Optional.empty());
        try (Table table = new Table(terms)) {
            table.join(1);
            table.join(2);
            List<Object> heard =
                    table.all(worker ->
                            worker.rank() == 1 ? "thinks" : worker.gather(0, new double[1]));

            assertThat(heard.remove(1)).isEqualTo("thinks");
            assertThat(heard).allSatisfy(one -> assertLost(one, 1, "was waited for 2.0 s"));
        }
    }

    @Test
    void seatsAreForOneEach() throws Exception {
        try (Table table = new Table(Table.terms(3))) {
            table.join(1);
            assertThatThrownBy(() -> table.join(1))
                    .isInstanceOf(BadInputException.class)
                    .hasMessageContaining("worker 1: there is a worker 1 already");
            assertThatThrownBy(() -> table.join(7))
                    .isInstanceOf(BadInputException.class)
                    .hasMessageContaining("there is no worker 7 among 3");
            table.join(2);
            assertThat(table.all(worker -> worker.gather(0, new double[1]).size())).containsOnly(3);
        }
    }

    @Test
    void anAddressThatCannotBeOpenedIsOneLine() throws Exception {
        try (Table table = new Table(Table.terms(2))) {
            int port = table.workers.getFirst().port();
            assertThatThrownBy(() ->
                            GrpcPeers.host(
                                    table.terms,
                                    new InetSocketAddress(InetAddress.getLoopbackAddress(), port)))
                    .isInstanceOf(BadInputException.class)
                    .hasMessageMatching("worker 0: .*" + port + ".* cannot be opened .*; .*");
            table.join(1);
        }
    }

    private static void assertLost(Object failure, int rank, String... words) {
        assertThat(failure).isInstanceOf(PeerLostException.class);
        assertThat(((PeerLostException) failure).rank()).as(failure.toString()).isEqualTo(rank);
        assertThat(((PeerLostException) failure).getMessage()).contains(words);
    }
}
