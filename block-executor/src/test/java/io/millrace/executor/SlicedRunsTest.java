package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.config.data.SliceSharing;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.run.RunSummary;
import io.millrace.executor.spread.PeersInProcess;
import io.millrace.memory.BadInputException;
import io.millrace.memory.device.DeviceName;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Whether workers read slices for each other or not, they come to the run of one. */
class SlicedRunsTest {
    private static final long ROOM = 14 << 20; // for slices, and for what runs ahead beside them

    @TempDir Path temp;
    private Path model;
    private Path data;

    @BeforeEach
    void write() throws IOException {
        model = Runs.model(temp.resolve("model"), "llama", "bfloat16", 10, 384, 1024);
        data = Runs.data(temp, 91, 10);
    }

    static Stream<Arguments> methods() {
        return Stream.of(
                method("mezo", 2, run -> run),
                method("helene", 2, run -> run.optimizer("helene")),
                method("lora", 2, run -> run.tune("lora").lr(1e-2)),
                method("lora", 3, run -> run.tune("lora").lr(1e-2)));
    }

    private static Arguments method(String name, int workers, MethodRuns.Method change) {
        return Arguments.of(name, workers, change);
    }

    private TuneConfigBuilder config(Path out, long budget, MethodRuns.Method method) {
        return method.apply(Runs.config(model, data, out).microBatch(1).steps(4))
                .memory(Runs.host(DeviceName.CPU, budget));
    }

    private Path folder(String name, int rank) {
        return temp.resolve(name).resolve("worker-" + rank);
    }

    private List<PeersInProcess.End<RunSummary>> spread(
            String name, int workers, long budget, MethodRuns.Method method, SliceSharing wanted) {
        return PeersInProcess.run(
                workers,
                peers ->
                        TuningRun.run(
                                config(folder(name, peers.rank()), budget, method)
                                        .slices(wanted)
                                        .build(),
                                RunListener.SILENT,
                                peers));
    }

    /** Bytes of a run that its workers count under a name. */
    private long bytes(String name, int workers, String field) throws IOException {
        return sum(
                name,
                workers,
                line -> line.optionalObject("slices").map(one -> one.integer(field)).orElse(0L));
    }

    /** What a step's line says that the reading lane moved. */
    private static long laneBytes(JsonObject line) {
        return line.optionalObject("lanes")
                .map(lanes -> lanes.object("nvme-read").integer("bytes"))
                .orElse(0L);
    }

    private long sum(String name, int workers, ToLongFunction<JsonObject> figure)
            throws IOException {
        long sum = 0;
        for (int rank = 0; rank < workers; rank++) {
            for (String line : Files.readAllLines(folder(name, rank).resolve("metrics.jsonl"))) {
                sum += figure.applyAsLong(Json.parseObject(line));
            }
        }
        return sum;
    }

    private void requireSame(String name, int workers, Map<String, byte[]> expected)
            throws IOException {
        Runs.assertSame(folder(name, 0), expected, name);
        for (int rank = 1; rank < workers; rank++) {
            assertThat(folder(name, rank).resolve("journal.jsonl"))
                    .hasBinaryContent(expected.get("journal.jsonl"));
        }
    }

    @ParameterizedTest(name = "{0}, {1} workers")
    @MethodSource("methods")
    void comeToTheBytesOfOne(String name, int workers, MethodRuns.Method method)
            throws IOException {
        long budget =
                ROOM
                        + Runs.smallestBudget(
                                least -> config(temp.resolve("alone" + least), least, method));
        Path alone = temp.resolve("alone");
        TuningRun.run(config(alone, budget, method).build(), RunListener.SILENT);
        Map<String, byte[]> expected = Runs.result(alone);

        for (SliceSharing wanted : SliceSharing.values()) {
            String run = wanted.label();
            assertThat(spread(run, workers, budget, method, wanted))
                    .allMatch(end -> end.failure() == null, "ends");
            requireSame(run, workers, expected);
        }

        long off = sum("off", workers, SlicedRunsTest::laneBytes);
        for (String run : List.of("auto", "on")) {
            long drive = bytes(run, workers, "drive_bytes");
            long peers = bytes(run, workers, "peer_bytes");
            System.out.printf(
                    "%s, %d workers, slices %s: %,d bytes read by themselves and %,d by others; off"
                            + " %,d%n",
                    name, workers, run, drive, peers, off);
            assertThat(peers).as(run).isPositive();
            assertThat(drive).as(run).isLessThan(off);
        }
        assertThat(bytes("off", workers, "peer_bytes")).isZero();
    }

    @Test
    void slicesThatNobodyCanPassOnAreRefusedWhereTheyWereAsked() throws IOException {
        List<PeersInProcess.End<RunSummary>> ends =
                PeersInProcess.run(
                        2,
                        peers ->
                                TuningRun.run(
                                        Runs.config(model, data, folder("memory", peers.rank()))
                                                .microBatch(1)
                                                .steps(2)
                                                .memory(MemoryConfig.DEFAULT)
                                                .slices(SliceSharing.ON)
                                                .build(),
                                        RunListener.SILENT,
                                        peers));

        for (PeersInProcess.End<RunSummary> end : ends) {
            assertThat(end.failure())
                    .isInstanceOf(BadInputException.class)
                    .hasMessageStartingWith("--slices: worker 0 has no blocks that stream");
        }
        assertThat(folder("memory", 0)).doesNotExist();
    }
}
