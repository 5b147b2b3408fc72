package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.OutputConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.config.data.Keep;
import io.millrace.executor.config.data.Parallel;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.listen.StepProgress;
import io.millrace.executor.peer.PeerLostException;
import io.millrace.executor.peer.Peers;
import io.millrace.executor.run.RunSummary;
import io.millrace.executor.spread.PeersInProcess;
import io.millrace.executor.spread.PeersInProcess.End;
import io.millrace.memory.BadInputException;
import io.millrace.memory.device.DeviceName;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.journal.Journal;
import io.millrace.optim.journal.JournalReader;
import io.millrace.optim.journal.JournalWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.IntFunction;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** How workers begin, end and go on together. */
class SpreadMeetingsTest {
    /** Gatherings in which workers compare their clocks, behind the first of a run. */
    private static final long CLOCKS = 9;

    @TempDir Path temp;
    private Path data;

    @BeforeEach
    void write() throws IOException {
        data = Runs.data(temp, 92, 10);
    }

    private TuneConfigBuilder config(Path out) {
        return Runs.config("llama", data, out).microBatch(2).steps(6).queries(1);
    }

    private Path folder(int rank) {
        return temp.resolve("worker-" + rank);
    }

    private Path journal(int rank) {
        return folder(rank).resolve("journal.jsonl");
    }

    private Map<String, byte[]> alone() throws IOException {
        TuningRun.run(config(temp.resolve("alone")).build(), RunListener.SILENT);
        return Runs.result(temp.resolve("alone"));
    }

    private List<End<RunSummary>> run(int workers, boolean resumes, IntFunction<RunListener> each) {
        return run(workers, resumes, each, UnaryOperator.identity());
    }

    private List<End<RunSummary>> run(
            int workers,
            boolean resumes,
            IntFunction<RunListener> each,
            UnaryOperator<Peers> disturbed) {
        return PeersInProcess.run(
                workers,
                disturbed,
                peers ->
                        TuningRun.run(
                                config(folder(peers.rank())).resume(resumes).build(),
                                each.apply(peers.rank()),
                                peers));
    }

    private static RunListener silent(int rank) {
        return RunListener.SILENT;
    }

    private static void requireDone(List<End<RunSummary>> ends) {
        assertThat(ends).allMatch(end -> end.failure() == null, "ends");
    }

    /** What ends each of them, as one line. */
    private static List<String> lines(List<End<RunSummary>> ends) {
        return ends.stream().map(end -> end.failure().getMessage()).toList();
    }

    /**
     * A worker's view of the others that ends it at one of its gatherings, of which those that
     * compare clocks are not counted.
     */
    private static UnaryOperator<Peers> dying(int rank, long counted, boolean afterwards) {
        long round = counted == 0 ? 0 : counted + CLOCKS;
        return peers ->
                peers.rank() != rank
                        ? peers
                        : new Disturbed(peers) {
                            @Override
                            public List<double[]> gather(long now, double[] mine) {
                                if (now == round && !afterwards) {
                                    throw new Runs.Cut();
                                }
                                List<double[]> all = super.gather(now, mine);
                                if (now == round) {
                                    throw new Runs.Cut();
                                }
                                return all;
                            }
                        };
    }

    private static class Disturbed implements Peers {
        private final Peers peers;

        Disturbed(Peers peers) {
            this.peers = peers;
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
            return peers.gather(round, mine);
        }

        @Override
        public List<byte[]> exchange(String topic, byte[] mine) {
            return peers.exchange(topic, mine);
        }
    }

    @ParameterizedTest
    @CsvSource({"0, true", "0, false", "2, true", "1, false"})
    void aDeadWorkerEndsTheOthersAndAsManyAsThereAreGoOn(int dead, boolean afterwards)
            throws IOException {
        List<End<RunSummary>> ends =
                run(3, false, SpreadMeetingsTest::silent, dying(dead, 3, afterwards));
        for (int rank = 0; rank < 3; rank++) {
            Throwable failure = ends.get(rank).failure();
            if (rank == dead) {
                assertThat(failure).isInstanceOf(Runs.Cut.class);
            } else {
                assertThat(failure)
                        .isInstanceOfSatisfying(
                                PeerLostException.class,
                                lost -> assertThat(lost.rank()).isEqualTo(dead));
            }
        }
        // Two go on, one of which is on a machine that has nothing.
        Files.deleteIfExists(journal(1));
        requireNothing(folder(1));
        ends = run(2, true, SpreadMeetingsTest::silent, dying(1, 2, afterwards));
        assertThat(ends.get(1).failure()).isInstanceOf(Runs.Cut.class);
        requireDone(run(1, true, SpreadMeetingsTest::silent));
        Runs.assertSame(folder(0), alone(), "after two deaths");
        // More than before, of which the first has done it all.
        ends = run(4, true, SpreadMeetingsTest::silent);
        requireDone(ends);
        assertThat(ends).allMatch(end -> end.result().alreadyDone());
    }

    private static void requireNothing(Path folder) throws IOException {
        try (Stream<Path> entries = Files.walk(folder)) {
            for (Path entry : entries.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(entry);
            }
        }
    }

    /**
     * However often workers are lost, at whatever moment, however many there are from one attempt
     * to the next and whichever has lost its folder: in the end it is the run of one.
     */
    @Tag("long")
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
    void lostAtAnyMomentAnyNumberGoesOn(int number) throws IOException {
        long seed = Long.getLong("test.seed", 0x5eed) + number;
        Random random = new Random(seed);
        Path model = Runs.model(temp.resolve("model"), "llama", "bfloat16", 4, 96, 160);
        int foldEvery = 1 + random.nextInt(3);
        long least =
                Runs.smallestBudget(budget ->
                        chaotic(model, temp.resolve("alone" + budget), foldEvery)
                                .memory(Runs.host(DeviceName.CPU, budget)));
        Map<String, byte[]> expected = Runs.result(temp.resolve("alone" + least));
        int attempts = 0;
        boolean done = false;
        while (!done) {
            assertThat(attempts++).as("seed %d", seed).isLessThan(60);
            int workers = 1 + random.nextInt(4);
            int victim = random.nextInt(workers);
            long round = random.nextInt(9);
            Parallel mode = List.of(Parallel.values()).get(random.nextInt(4));
            if (random.nextInt(3) == 0 && Files.exists(folder(1))) {
                requireNothing(folder(1));
            }
            boolean resumes = Files.exists(journal(0));
            List<End<RunSummary>> ends =
                    PeersInProcess.run(
                            workers,
                            dying(victim, round, random.nextBoolean()),
                            peers ->
                                    TuningRun.run(
                                            chaotic(model, folder(peers.rank()), foldEvery)
                                                    .memory(
                                                            peers.rank() % 2 == 1
                                                                    ? Runs.host(
                                                                            DeviceName.CPU, least)
                                                                    : MemoryConfig.DEFAULT)
                                                    .parallel(mode)
                                                    .resume(resumes)
                                                    .build(),
                                            RunListener.SILENT,
                                            peers));
            for (End<RunSummary> end : ends) {
                assertThat(
                                end.failure() == null
                                        || end.failure() instanceof Runs.Cut
                                        || end.failure() instanceof PeerLostException)
                        .as("seed %d: %s", seed, end)
                        .isTrue();
            }
            done = ends.getFirst().result() != null && !ends.getFirst().result().interrupted();
        }
        Runs.assertSame(folder(0), expected, "seed " + seed);
    }

    private TuneConfigBuilder chaotic(Path model, Path out, int foldEvery) {
        return Runs.config(model, data, out)
                .microBatch(1)
                .steps(9)
                .queries(2)
                .foldEvery(foldEvery)
                .optimizer("zo-momentum");
    }

    /** And nobody else; what it says behind a pass is heard in the next. */
    @Test
    void worker0IsAskedWhetherToStop() throws IOException {
        List<End<RunSummary>> ends =
                run(3, false, rank -> rank == 2 ? Runs.stopAfter(1) : Runs.stopAfter(3 + rank));
        requireDone(ends);
        assertThat(ends).allMatch(end -> end.result().interrupted());
        assertThat(ends).allMatch(end -> end.result().stepsDone() == 4);
        requireDone(run(2, true, SpreadMeetingsTest::silent));
        Runs.assertSame(folder(0), alone(), "stopped");
    }

    /** Worker 0 begins with the model that it saved, and the others with the base. */
    @Test
    void aDoneRunTakesMoreSteps() throws IOException {
        requireDone(run(2, false, SpreadMeetingsTest::silent));
        List<End<RunSummary>> ends =
                PeersInProcess.run(
                        3,
                        peers ->
                                TuningRun.run(
                                        config(folder(peers.rank())).steps(9).resume(true).build(),
                                        RunListener.SILENT,
                                        peers));
        requireDone(ends);
        TuningRun.run(config(temp.resolve("alone")).steps(9).build(), RunListener.SILENT);
        Runs.assertSame(folder(0), Runs.result(temp.resolve("alone")), "more steps");
    }

    static Stream<Arguments> differences() {
        return Stream.of(
                Arguments.of("'run_seed'", (UnaryOperator<TuneConfigBuilder>) run -> run.seed(5)),
                Arguments.of("'lr'", (UnaryOperator<TuneConfigBuilder>) run -> run.lr(3e-4)),
                Arguments.of(
                        "'micro_batch'",
                        (UnaryOperator<TuneConfigBuilder>) run -> run.microBatch(3)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("differences")
    void anotherRunIsRefusedByNameBeforeAnythingIsWritten(
            String field, UnaryOperator<TuneConfigBuilder> change) {
        List<End<RunSummary>> ends =
                PeersInProcess.run(
                        3,
                        peers -> {
                            TuneConfigBuilder run = config(folder(peers.rank()));
                            return TuningRun.run(
                                    (peers.rank() == 2 ? change.apply(run) : run).build(),
                                    RunListener.SILENT,
                                    peers);
                        });
        requireRefused(ends, "worker 2: field " + field);
    }

    @Test
    void anotherModelAndOtherDataAreRefusedByName() throws IOException {
        Path other = Runs.data(temp, 93, 10);
        List<End<RunSummary>> ends =
                PeersInProcess.run(
                        2,
                        peers ->
                                TuningRun.run(
                                        Runs.config(
                                                        "llama",
                                                        peers.rank() == 1 ? other : data,
                                                        folder(peers.rank()))
                                                .build(),
                                        RunListener.SILENT,
                                        peers));
        requireRefused(ends, "worker 1: field 'data'");
        ends =
                PeersInProcess.run(
                        2,
                        peers ->
                                TuningRun.run(
                                        Runs.config(
                                                        peers.rank() == 1 ? "llama-deep" : "llama",
                                                        data,
                                                        folder(peers.rank()))
                                                .build(),
                                        RunListener.SILENT,
                                        peers));
        requireRefused(ends, "worker 1: field 'base'");
    }

    @Test
    void whatOneWorkerIsRefusedForEndsAll() {
        List<End<RunSummary>> ends =
                PeersInProcess.run(
                        2,
                        peers -> {
                            TuneConfigBuilder run = config(folder(peers.rank()));
                            return TuningRun.run(
                                    (peers.rank() == 0
                                                    ? run
                                                    : run.memory(Runs.host(DeviceName.CPU, 4096)))
                                            .build(),
                                    RunListener.SILENT,
                                    peers);
                        });
        assertThat(ends.get(0).failure().getMessage()).startsWith("worker 1: --host-budget: ");
        assertThat(ends.get(1).failure().getMessage()).startsWith("--host-budget: ");
        requireNothingWritten(2);
        ends =
                PeersInProcess.run(
                        2,
                        peers ->
                                TuningRun.run(
                                        Runs.config(
                                                        peers.rank() == 0
                                                                ? Golden.path("llama")
                                                                : temp.resolve("nowhere"),
                                                        data,
                                                        folder(peers.rank()))
                                                .build(),
                                        RunListener.SILENT,
                                        peers));
        assertThat(ends.get(0).failure())
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith("worker 1: ")
                .hasMessageContaining("nowhere");
        requireNothingWritten(2);
    }

    private void requireRefused(List<End<RunSummary>> ends, String line) {
        assertThat(ends).allMatch(end -> end.failure() instanceof BadInputException, "ends");
        assertThat(lines(ends)).allMatch(one -> one.startsWith(line));
        requireNothingWritten(ends.size());
    }

    private void requireNothingWritten(int workers) {
        for (int rank = 0; rank < workers; rank++) {
            assertThat(folder(rank)).doesNotExist();
        }
    }

    @Test
    void gradientsAreNotSpread() {
        List<End<RunSummary>> ends =
                PeersInProcess.run(
                        2,
                        peers ->
                                TuningRun.run(
                                        config(folder(peers.rank()))
                                                .optimizer("sgd")
                                                .estimator("gradient")
                                                .weightDecay(0)
                                                .build(),
                                        RunListener.SILENT,
                                        peers));
        assertThat(lines(ends)).allMatch(one -> one.startsWith("--workers: sgd "));
        requireNothingWritten(2);
    }

    @Test
    void aForkedJournalIsRefusedByNameAndATornEndIsCut() throws IOException {
        requireDone(run(3, false, _ -> Runs.stopAfter(3)));
        byte[] whole = Files.readAllBytes(journal(1));
        Files.writeString(journal(1), "{\"step\":4,", StandardOpenOption.APPEND);
        Journal read = JournalReader.read(journal(2));
        Files.delete(journal(2));
        try (JournalWriter writer = JournalWriter.create(journal(2), read.header())) {
            for (StepRecord record : read.records()) {
                writer.append(
                        new StepRecord(
                                record.step(),
                                record.seed(),
                                record.lr(),
                                record.eps(),
                                record.weightDecay(),
                                record.loss() + (record.step() == 2 ? 1 : 0),
                                record.queries()));
            }
        }
        List<End<RunSummary>> ends = run(3, true, SpreadMeetingsTest::silent);
        assertThat(lines(ends))
                .allMatch(line -> line.startsWith("worker 2: its journal is not that of worker 0"));
        assertThat(JournalReader.read(journal(1)).wholeBytes()).isEqualTo(whole.length);
        requireDone(run(2, true, SpreadMeetingsTest::silent));
        Runs.assertSame(folder(0), alone(), "after a torn end");
        assertThat(journal(1)).hasSameBinaryContentAs(journal(0));
    }

    @Test
    void anOlderCopyInWorker0sPlaceIsRefused() throws IOException {
        requireDone(run(2, false, _ -> Runs.stopAfter(1)));
        byte[] old = Files.readAllBytes(journal(0));
        requireDone(run(2, true, _ -> Runs.stopAfter(4)));
        Files.write(journal(0), old);
        assertThat(lines(run(2, true, SpreadMeetingsTest::silent)))
                .allMatch(
                        line -> line.startsWith("worker 1: its journal is at step 5, and worker"));
    }

    /** As if its memory were at fault. */
    @Test
    void anotherRecordOfAStepEndsAllBeforeTheNext() {
        List<End<RunSummary>> ends =
                run(
                        3,
                        false,
                        SpreadMeetingsTest::silent,
                        peers ->
                                peers.rank() != 1
                                        ? peers
                                        : new Disturbed(peers) {
                                            @Override
                                            public List<double[]> gather(long now, double[] mine) {
                                                double[] other = mine.clone();
                                                other[1] += now == 4 + CLOCKS ? 1 : 0;
                                                return super.gather(now, other);
                                            }
                                        });
        assertThat(lines(ends))
                .allMatch(line -> line.startsWith("worker 1 came to another record of step 2"));
    }

    @Test
    void whatEvaluationsDecideIsWorker0s() throws IOException {
        Path held = Runs.data(temp, 94, 4);
        RunSummary alone =
                TuningRun.run(watched(temp.resolve("alone"), held).build(), RunListener.SILENT);
        List<Long> steps = new ArrayList<>();
        List<End<RunSummary>> ends =
                PeersInProcess.run(
                        3,
                        peers ->
                                TuningRun.run(
                                        watched(folder(peers.rank()), held).build(),
                                        new RunListener() {
                                            @Override
                                            public void onStep(StepProgress step) {
                                                if (peers.rank() == 1) {
                                                    steps.add(step.step());
                                                }
                                            }
                                        },
                                        peers));
        requireDone(ends);
        Runs.assertSame(folder(0), Runs.result(temp.resolve("alone")), "kept");
        assertThat(ends.get(0).result().keptStep()).isEqualTo(alone.keptStep());
        assertThat(ends.get(0).result().after()).isEqualTo(alone.after());
        assertThat(alone.endedBy()).isEqualTo("patience");
        assertThat(steps).hasSize((int) alone.stepsDone());
    }

    /** A rate at which it gets worse at once. */
    private TuneConfigBuilder watched(Path out, Path held) {
        return config(out)
                .lr(1)
                .steps(12)
                .eval(held)
                .evalEvery(2)
                .keep(Keep.BEST)
                .method(OutputConfig.PATIENCE, 2);
    }
}
