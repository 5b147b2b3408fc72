package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.listen.StepProgress;
import io.millrace.memory.Ledger;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.nvme.BlockStore;
import io.millrace.memory.nvme.StoreConfig;
import io.millrace.memory.nvme.io.FileIo;
import io.millrace.memory.nvme.io.IoOptions;
import io.millrace.model.Checkpoint;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A run that nobody asked for checkpoints has its blocks safe on the drive all the same. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class DurableBesideTheRunTest {
    /** Blocks that stay are written from two seconds on: a sync after this holds them. */
    private static final long SETTLED_MILLIS = 4_000;

    private static final int STEPS = 100_000;

    @TempDir Path temp;

    @Test
    void everyBlockIsInTheStoreSoon() throws Exception {
        check("cpu");
    }

    @Tag("long")
    @Test
    void soItIsWhereBlocksLieOnADevice() throws Exception {
        check("emulated");
    }

    private void check(String device) throws Exception {
        Path model = Runs.deepModel(temp.resolve("model"), "llama", "bfloat16");
        Path data = Runs.data(temp, 51, 10);
        long smallest =
                Runs.smallestBudget(budget ->
                        config(model, data, "probe-" + budget)
                                .memory(memory(device, budget))
                                .steps(1));
        List<Long> sizes = blockBytes(model);
        MemoryConfig half =
                memory(device, smallest + sizes.stream().mapToLong(Long::longValue).sum() / 3);
        Path out = temp.resolve("out");
        long[] done = new long[1];
        Path manifest = out.resolve("blocks/manifest.dat");
        long start = System.currentTimeMillis();
        RunListener cut =
                new RunListener() {
                    @Override
                    public void onStep(StepProgress progress) {
                        done[0] = progress.step();
                        if (manifest.toFile().lastModified() > start + SETTLED_MILLIS) {
                            throw new Runs.Cut();
                        }
                    }
                };
        TuneConfigBuilder run = config(model, data, "out").memory(half);
        assertThatThrownBy(() -> TuningRun.run(run.build(), cut)).isInstanceOf(Runs.Cut.class);

        List<Long> versions = versions(out.resolve("blocks"), sizes);
        assertThat(versions).as("after step %d", done[0]).allMatch(version -> version > 0);

        long more = done[0] + 3;
        assertThatThrownBy(() -> TuningRun.run(run.resume(true).build(), Runs.cutAfter(more)))
                .isInstanceOf(Runs.Cut.class);
        Map<String, byte[]> expected = replayed(model, data, more);
        TuningRun.run(run.steps(more).build(), RunListener.SILENT);
        Runs.assertSame(out, expected, device);
    }

    /** The same run, all in memory and never stopped. */
    private Map<String, byte[]> replayed(Path model, Path data, long steps) throws IOException {
        TuneConfigBuilder run = config(model, data, "whole").steps(steps);
        return Runs.result(TuningRun.run(run.build(), RunListener.SILENT).out());
    }

    private TuneConfigBuilder config(Path model, Path data, String name) {
        return Runs.config(model, data, temp.resolve(name)).queries(1).batchSize(2).steps(STEPS);
    }

    private static MemoryConfig memory(String device, long host) {
        return new MemoryConfig(
                device,
                device.equals("cpu") ? OptionalLong.empty() : OptionalLong.of(host),
                OptionalLong.of(host),
                Optional.empty(),
                OptionalLong.empty(),
                2,
                true);
    }

    private static List<Long> blockBytes(Path model) {
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            return checkpoint.layout().blocks().stream().map(block -> block.sizeBytes()).toList();
        }
    }

    private static List<Long> versions(Path folder, List<Long> sizes)
            throws IOException, JsonFormatException {
        String owner = Files.readString(BlockStore.ownerFile(folder));
        long identity =
                Long.parseUnsignedLong(Json.parseObject(owner).string("identity").substring(2), 16);
        HostMemory memory = new HostMemory(Ledger.unlimited());
        try (FileIo io = FileIo.open(folder, IoOptions.defaults());
                BlockStore store =
                        BlockStore.open(StoreConfig.of(folder, sizes, identity), io, memory)) {
            return IntStream.range(0, sizes.size()).mapToObj(store::version).toList();
        }
    }
}
