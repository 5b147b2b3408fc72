package io.millrace.memory.nvme;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.Ledger;
import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.memory.nvme.io.FileIo;
import io.millrace.memory.nvme.io.IoOptions;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Kills a writing process, again and again, and looks at what it left. */
@ExtendWith(SeedExtension.class)
final class KillTest {
    @TempDir Path folder;

    @Test
    void killedWriterLeavesEveryBlockWholeAndNothingSyncedIsLost(@Seed long seed) throws Exception {
        SplittableRandom random = new SplittableRandom(seed);
        long[] promised = new long[StoreWriter.SIZES.size()];
        for (int round = 0; round < 4; round++) {
            promised = writeAndKill(seed + round, 2 + random.nextInt(30), random, promised);
            check(promised);
        }
        assertThat(Arrays.stream(promised).sum()).isPositive();
    }

    private long[] writeAndKill(
            long seed, int syncs, SplittableRandom random, long[] promisedBefore)
            throws IOException, InterruptedException {
        Process writer =
                new ProcessBuilder(
                                ChildJvm.command(
                                        List.of(),
                                        StoreWriter.class,
                                        folder.toString(),
                                        Long.toString(seed)))
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start();
        long[] promised = promisedBefore;
        try (BufferedReader lines = writer.inputReader()) {
            for (int i = 0; i < syncs; i++) {
                String line = lines.readLine();
                assertThat(line).as("the writer's line").isNotNull();
                promised = versions(line);
            }
            Thread.sleep(0, random.nextInt(999_999)); // anywhere between two writes
            // SIGKILL through the handle, which leaves the pipe open for what was already said.
            assertThat(writer.toHandle().destroyForcibly()).isTrue();
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.split(" ").length == promised.length + 1) {
                    promised = versions(line);
                }
            }
        } finally {
            writer.destroyForcibly().waitFor();
        }
        return promised;
    }

    private static long[] versions(String line) {
        return Arrays.stream(line.split(" ")).skip(1).mapToLong(Long::parseLong).toArray();
    }

    private void check(long[] promised) {
        HostMemory memory = new HostMemory(Ledger.unlimited());
        StoreConfig config = new StoreConfig(folder, StoreWriter.SIZES, 1, 0);
        try (FileIo io = FileIo.open(folder, IoOptions.defaults());
                BlockStore store = BlockStore.open(config, io, memory);
                HostSlab slab = memory.allocate("block", StoreWriter.SIZES.get(0))) {
            for (int block = 0; block < promised.length; block++) {
                long version = store.version(block);
                assertThat(version).isGreaterThanOrEqualTo(promised[block]);
                if (version > 0) {
                    store.read(block, slab.segment());
                    assertThat(
                                    Patterns.matches(
                                            slab.segment().asSlice(0, StoreWriter.SIZES.get(block)),
                                            block,
                                            version))
                            .isTrue();
                }
            }
        }
    }
}
