package io.millrace.stream;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.plan.RunForecast;
import io.millrace.memory.BadInputException;
import io.millrace.memory.ByteSize;
import io.millrace.memory.Tier;
import io.millrace.memory.device.DeviceKind;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.nvme.BlockStore;
import io.millrace.memory.nvme.StoreConfig;
import io.millrace.memory.nvme.io.IoOptions;
import io.millrace.prefetch.Placement;
import io.millrace.prefetch.PlacementRefusal;
import io.millrace.prefetch.PlacementRequest;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Where the blocks of a stream are to lie, decided from sizes alone: what is refused here is so
 * before anything was made.
 *
 * @param blocks of the stream
 * @param wishes what it was told, with what was left open about host memory
 * @param placement of the blocks
 */
record StreamPlan(Blocks blocks, Wishes wishes, Placement placement) {
    /**
     * What a stream was told.
     *
     * @param memory budgets, folder, device
     * @param writeBack whether blocks may change
     * @param stallLimit how long nothing may move
     */
    record Wishes(MemoryConfig memory, boolean writeBack, Duration stallLimit) {
        /** The folder of journal and store; empty where none is to be kept. */
        Optional<Path> folder() {
            return memory.nvmeDir();
        }

        /** Whether changed blocks are kept in that folder. */
        boolean keeps() {
            return writeBack && folder().isPresent();
        }

        private long atMost(Tier tier) {
            return Math.min(budgets().getOrDefault(tier, Long.MAX_VALUE), Long.MAX_VALUE / 4);
        }

        /** Most bytes of the tiers that are bounded. */
        Map<Tier, Long> budgets() {
            Map<Tier, Long> budgets = new EnumMap<>(Tier.class);
            memory.hostBudget().ifPresent(bytes -> budgets.put(Tier.HOST, bytes));
            memory.deviceBudget().ifPresent(bytes -> budgets.put(Tier.DEVICE, bytes));
            memory.nvmeBudget().ifPresent(bytes -> budgets.put(Tier.NVME, bytes));
            return budgets;
        }
    }

    /**
     * Decides.
     *
     * @throws BadInputException where a budget is too small, naming the smallest that works
     */
    static StreamPlan of(Blocks blocks, Wishes told) {
        Wishes wishes =
                new Wishes(RunForecast.memory(told.memory()), told.writeBack(), told.stallLimit());
        requireAddressable(wishes.memory());
        Placement placement = placement(blocks, wishes);
        if (wishes.keeps()) {
            requireRoom(blocks, wishes.atMost(Tier.NVME));
        }
        return new StreamPlan(blocks, wishes, placement);
    }

    private static void requireAddressable(MemoryConfig memory) {
        DeviceKind kind = memory.device().kind();
        if (!kind.onHostCores()) {
            throw new BadInputException(
                    MemoryConfig.DEVICE.spelled(),
                    "work in Java cannot reach the memory of " + memory.device(),
                    "give cpu or emulated");
        }
        memory.checkDeviceBudget(kind.unifiedMemory());
    }

    /** The store has all its room from the start, whether blocks have to leave memory or not. */
    private static void requireRoom(Blocks blocks, long budget) {
        long bytes = StoreConfig.of(Path.of(""), blocks.sizes(), 0).storeBytes();
        if (bytes > budget) {
            throw new BadInputException(
                    MemoryConfig.NVME_BUDGET.spelled(),
                    ByteSize.format(budget) + " does not hold the changed blocks",
                    "give at least " + bytes + " (" + ByteSize.formatAtLeast(bytes) + ")");
        }
    }

    /** How files are read beside the host's budget. */
    IoOptions io() {
        return io(wishes);
    }

    private static IoOptions io(Wishes wishes) {
        return IoOptions.beside(wishes.budgets().getOrDefault(Tier.HOST, Long.MAX_VALUE));
    }

    /** Host memory that is no block's: staging of files, pages of the store. */
    private static long besides(Blocks blocks, Wishes wishes) {
        long staging =
                switch (blocks) {
                    case FileBlocks _ -> io(wishes).stagingBytes();
                    case FilledBlocks _ -> 0;
                };
        return staging + (wishes.keeps() ? BlockStore.bufferBytes(1, 2) : 0);
    }

    private static Placement placement(Blocks blocks, Wishes wishes) {
        long besides = besides(blocks, wishes);
        MemoryConfig memory = wishes.memory();
        PlacementRequest request =
                new PlacementRequest(
                        blocks.sizes(),
                        IntStream.range(0, blocks.count()).boxed().toList(),
                        Math.max(0, wishes.atMost(Tier.HOST) - besides),
                        memory.device().kind().unifiedMemory()
                                ? PlacementRequest.UNIFIED
                                : wishes.atMost(Tier.DEVICE),
                        memory.overlap() ? memory.prefetch() : 0,
                        wishes.writeBack());
        Placement placement =
                switch (Placement.plan(request)) {
                    case Placement found -> found;
                    case PlacementRefusal refusal ->
                            throw refusal.toBadInput(
                                    refusal.tier() == Tier.DEVICE
                                            ? MemoryConfig.DEVICE_BUDGET.spelled()
                                            : MemoryConfig.HOST_BUDGET.spelled(),
                                    refusal.tier() == Tier.DEVICE ? 0 : besides);
                };
        if (wishes.writeBack() && !wishes.keeps() && placement.homes().contains(Tier.NVME)) {
            long all = blocks.sizes().stream().mapToLong(HostMemory::pageBytes).sum() + besides;
            throw new BadInputException(
                    MemoryConfig.HOST_BUDGET.spelled(),
                    "does not hold all blocks, and changed ones have no place to go",
                    "give --nvme-dir, or at least "
                            + all
                            + " ("
                            + ByteSize.formatAtLeast(all)
                            + ")");
        }
        return placement;
    }
}
