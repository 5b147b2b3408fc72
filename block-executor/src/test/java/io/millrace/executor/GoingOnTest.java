package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.listen.RunListener;
import io.millrace.model.Checkpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A run goes on under any other placement than the one that it was stopped under, to the bytes of
 * the run that never stopped, and leaves nothing behind.
 */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class GoingOnTest {

    @TempDir Path temp;
    private Path model;
    private Path data;
    private long largest;
    private long smallestHost;
    private long smallestDevice;

    @BeforeEach
    void prepare() throws IOException {
        data = Runs.data(temp, 31, 10);
    }

    /** How a leg of a run is placed. */
    private record Mode(String name, MemoryConfig memory, int checkpointEvery) {}

    private List<Mode> modes() {
        long small = smallestHost + largest;
        long device = smallestDevice + 2 * largest;
        Path drive = temp.resolve("drive");
        return List.of(
                mode("memory", "cpu", 0, 0, 2, true, Optional.empty(), 0),
                mode("checkpoints", "cpu", 0, 0, 2, true, Optional.empty(), 2),
                mode("streamed", "cpu", small, 0, 2, true, Optional.empty(), 0),
                mode(
                        "streamed-flushed",
                        "cpu",
                        small + 2 * largest,
                        0,
                        1,
                        true,
                        Optional.empty(),
                        3),
                mode("another-drive", "cpu", small, 0, 2, false, Optional.of(drive), 3),
                mode("emulated", "emulated", 0, 0, 2, true, Optional.empty(), 3),
                mode(
                        "three-tiers",
                        "emulated",
                        smallestHost + 2 * largest,
                        device,
                        2,
                        true,
                        Optional.of(drive),
                        2));
    }

    private static Mode mode(
            String name,
            String device,
            long host,
            long deviceBytes,
            int prefetch,
            boolean overlap,
            Optional<Path> nvmeDir,
            int checkpointEvery) {
        OptionalLong none = OptionalLong.empty();
        return new Mode(
                name,
                new MemoryConfig(
                        device,
                        deviceBytes == 0 ? none : OptionalLong.of(deviceBytes),
                        host == 0 ? none : OptionalLong.of(host),
                        nvmeDir,
                        none,
                        prefetch,
                        overlap),
                checkpointEvery);
    }

    /** A part of the chain of stops below. */
    @Test
    void someOfThePairsOfPlacements() throws IOException {
        goesOn("gaussian", 3, "bfloat16", 6);
    }

    /** One chain of stops visits every pair of modes once: an Euler walk over the pairs. */
    @Tag("long")
    @ParameterizedTest
    @CsvSource({
        "gaussian, 3, bfloat16",
        "low-rank, 2, bfloat16",
        "gaussian, 1, float32",
        "low-rank, 3, float32"
    })
    void everyPairOfPlacements(String direction, int foldEvery, String dtype) throws IOException {
        goesOn(direction, foldEvery, dtype, Integer.MAX_VALUE);
    }

    private void goesOn(String direction, int foldEvery, String dtype, int legs)
            throws IOException {
        write(dtype);
        long seed = Long.getLong("test.seed", System.nanoTime());
        Random random = new Random(seed);
        findBudgets(direction, foldEvery);
        List<Mode> modes = modes();
        List<Integer> pairs = walk(modes.size(), random);
        List<Integer> walk = pairs.subList(0, Math.min(legs, pairs.size()));
        int steps = 2 * walk.size() + 3;
        Map<String, byte[]> expected =
                Runs.result(
                        TuningRun.run(
                                        config(direction, foldEvery, steps, "expected").build(),
                                        RunListener.SILENT)
                                .out());
        StringBuilder history = new StringBuilder("-Dtest.seed=" + seed + ":");
        Path out = temp.resolve("out");
        long done = 0;
        for (int leg = 0; leg < walk.size(); leg++) {
            Mode mode = modes.get(walk.get(leg));
            done += 1 + random.nextInt(3);
            history.append(' ').append(mode.name()).append(" to ").append(done);
            TuneConfigBuilder run =
                    config(direction, foldEvery, steps, "out")
                            .memory(mode.memory())
                            .checkpointEvery(mode.checkpointEvery())
                            .resume(leg > 0);
            if (done >= steps - 1) {
                break;
            }
            long last = done;
            assertThatThrownBy(() -> TuningRun.run(run.build(), Runs.cutAfter(last)))
                    .as(history.toString())
                    .isInstanceOf(Runs.Cut.class);
        }
        Mode end = modes.get(random.nextInt(modes.size()));
        TuneConfigBuilder run =
                config(direction, foldEvery, steps, "out").memory(end.memory()).resume(true);
        TuningRun.run(run.build(), RunListener.SILENT);
        Runs.assertSame(out, expected, history.toString());
        assertNothingLeft(out, history.toString());
    }

    private void assertNothingLeft(Path out, String history) throws IOException {
        for (String name : List.of("blocks", "checkpoints", "blocks.json")) {
            assertThat(out.resolve(name)).as(history).doesNotExist();
        }
        Path drive = temp.resolve("drive");
        if (Files.exists(drive)) {
            try (Stream<Path> left = Files.list(drive)) {
                assertThat(left.toList()).as(history).isEmpty();
            }
        }
    }

    /** Hierholzer's walk over the complete graph with loops: each ordered pair is a step of it. */
    private static List<Integer> walk(int nodes, Random random) {
        List<List<Integer>> left = new ArrayList<>();
        for (int node = 0; node < nodes; node++) {
            List<Integer> targets = new ArrayList<>();
            for (int target = 0; target < nodes; target++) {
                targets.add(target);
            }
            Collections.shuffle(targets, random);
            left.add(targets);
        }
        List<Integer> stack = new ArrayList<>(List.of(random.nextInt(nodes)));
        List<Integer> walk = new ArrayList<>();
        while (!stack.isEmpty()) {
            List<Integer> targets = left.get(stack.getLast());
            if (targets.isEmpty()) {
                walk.add(stack.removeLast());
            } else {
                stack.add(targets.removeLast());
            }
        }
        return walk.reversed();
    }

    private void write(String dtype) throws IOException {
        model = Runs.deepModel(temp.resolve("model"), "llama", dtype);
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            largest = (checkpoint.layout().largestBlock().sizeBytes() + 4095) / 4096 * 4096;
        }
    }

    private void findBudgets(String direction, int foldEvery) throws IOException {
        smallestHost = smallest(direction, foldEvery, "cpu", true);
        smallestDevice = smallest(direction, foldEvery, "emulated", false);
    }

    /** What a run with next to nothing is told; blocks move then. */
    private long smallest(String direction, int foldEvery, String device, boolean host)
            throws IOException {
        long budget =
                Runs.smallestBudget(tried ->
                        config(direction, foldEvery, 3, device + "-probe-" + tried)
                                .memory(
                                        mode(
                                                        "probe",
                                                        device,
                                                        host ? tried : 0,
                                                        host ? 0 : tried,
                                                        2,
                                                        true,
                                                        Optional.empty(),
                                                        0)
                                                .memory()));
        Path metrics = temp.resolve(device + "-probe-" + budget + "/metrics.jsonl");
        assertThat(Files.readString(metrics)).contains(host ? "nvme-read" : "h2d");
        return budget;
    }

    private TuneConfigBuilder config(String direction, int foldEvery, int steps, String name) {
        TuneConfigBuilder config =
                Runs.config(model, data, temp.resolve(name))
                        .queries(1)
                        .batchSize(2)
                        .steps(steps)
                        .perturbation(direction);
        return direction.equals("low-rank")
                ? config.window(2 * foldEvery).optimizer("lozo-m")
                : config.foldEvery(foldEvery);
    }
}
