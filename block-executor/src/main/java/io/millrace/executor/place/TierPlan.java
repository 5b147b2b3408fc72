package io.millrace.executor.place;

import io.millrace.executor.step.Engine;
import io.millrace.memory.BadInputException;
import io.millrace.memory.ByteSize;
import io.millrace.memory.Tier;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.nvme.BlockStore;
import io.millrace.memory.nvme.SpillFile;
import io.millrace.memory.nvme.StoreConfig;
import io.millrace.memory.nvme.io.IoOptions;
import io.millrace.prefetch.Placement;
import io.millrace.prefetch.PlacementRequest;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Where a run's bytes lie under its budgets, decided from sizes alone: what a run allocates, and
 * what {@code plan} shows, are one and the same.
 *
 * @param needs what was to be placed
 * @param placement of the blocks
 * @param hostBytes what the run takes of host memory
 * @param deviceBytes what it takes of a device with memory of its own
 * @param storeBytes what the store of changed blocks takes on its drive; 0 where there is none
 */
public record TierPlan(
        Needs needs, Placement placement, long hostBytes, long deviceBytes, long storeBytes) {
    /** What a placement reserves beside slots: a few pages for the store's manifest and tails. */
    private static final long STORE_BYTES = 1L << 20;

    private static final long ANY = Long.MAX_VALUE / 4;

    /**
     * What a run has to place, whatever its budgets.
     *
     * @param blockBytes bytes of each block
     * @param headBytes bytes of the weights at its beginning
     * @param visits the blocks of a step in order
     * @param forwards what forwards need beside the blocks
     * @param unified whether the device computes on host memory
     * @param prefetch visits ahead that are on their way; 0 without overlap
     * @param writesBack whether blocks change
     * @param buffers what the way from the drive takes
     */
    public record Needs(
            List<Long> blockBytes,
            List<Long> headBytes,
            List<Integer> visits,
            Engine.Need forwards,
            boolean unified,
            int prefetch,
            boolean writesBack,
            StreamBuffers buffers) {
        public Needs withPrefetch(int blocks) {
            return new Needs(
                    blockBytes, headBytes, visits, forwards, unified, blocks, writesBack, buffers);
        }

        /** The same where so many workers of the host read slices for each other. */
        public Needs sharing(int workers) {
            return new Needs(
                    blockBytes,
                    headBytes,
                    visits,
                    forwards,
                    unified,
                    prefetch,
                    writesBack,
                    new StreamBuffers(buffers.direct(), workers));
        }

        /** What streaming reserves beside slots. */
        private long streamingBytes(long hostBudget) {
            IoOptions options = IoOptions.beside(hostBudget);
            // Staging is left room for even where blocks come without.
            StreamBuffers most = new StreamBuffers(true, buffers.sharers());
            return most.bytes(options, writesBack) + STORE_BYTES;
        }

        long largestBlock() {
            return blockBytes.stream().mapToLong(HostMemory::pageBytes).max().orElseThrow();
        }

        /** The same of other forwards over the same blocks. */
        public Needs withForwards(Engine.Need need) {
            return new Needs(
                    blockBytes, headBytes, visits, need, unified, prefetch, writesBack, buffers);
        }

        public long scratchBytes() {
            return forwards.deviceBytes();
        }

        public long scratchOnHost() {
            return forwards.hostBytes() + (unified ? scratchBytes() : 0);
        }

        private long everything() {
            return blockBytes.stream().mapToLong(HostMemory::pageBytes).sum();
        }
    }

    /**
     * The most bytes of each tier.
     *
     * @param host of host memory
     * @param device of device memory; not looked at where memory is unified
     * @param nvme of the store's drive
     */
    public record Budgets(long host, long device, long nvme) {
        public Budgets {
            host = Math.min(host, ANY);
            device = Math.min(device, ANY);
        }

        /** The same on a device that has no more than so many bytes. */
        Budgets withDevice(long capacity) {
            return new Budgets(host, Math.min(device, capacity), nvme);
        }
    }

    /**
     * Decides.
     *
     * @throws BadInputException when a budget is too small, naming the smallest that works
     */
    public static TierPlan of(Needs needs, Budgets budgets) {
        long deviceLeft =
                needs.unified() ? PlacementRequest.UNIFIED : deviceLeft(needs, budgets.device());
        PlacementRequest request =
                new PlacementRequest(
                        needs.blockBytes(),
                        needs.headBytes(),
                        needs.visits(),
                        0,
                        deviceLeft,
                        needs.prefetch(),
                        needs.writesBack());
        long streaming = needs.streamingBytes(budgets.host());
        Placement placement =
                place(request, budgets.host() - needs.scratchOnHost())
                        .filter(found -> !found.homes().contains(Tier.NVME))
                        .or(() ->
                                place(request, budgets.host() - needs.scratchOnHost() - streaming))
                        .orElseThrow(() -> refusal(needs, budgets));
        boolean streams = placement.homes().contains(Tier.NVME);
        long storeBytes =
                streams && needs.writesBack()
                        ? StoreConfig.of(Path.of(""), needs.blockBytes(), 0).storeBytes()
                        : 0;
        requireRoom(storeBytes, SpillFile.fileBytes(needs.forwards().spills()), budgets.nvme());
        return new TierPlan(
                needs,
                placement,
                hostBytes(needs, placement, budgets.host()),
                needs.unified() ? 0 : needs.scratchBytes() + placement.deviceBytes(),
                storeBytes);
    }

    /**
     * Of two ways to run the same steps the one to take: the one that keeps all values in memory,
     * unless the budgets hold only the other, or nothing could run ahead beside the values.
     *
     * @param all of that one
     * @param less of the one that sets values aside on the drive
     */
    public static Needs fitting(Needs all, Needs less, Budgets budgets) {
        int ahead = aheadUnder(all, budgets);
        if (ahead >= Math.min(1, all.prefetch())) {
            return all;
        }
        int aside = aheadUnder(less, budgets);
        // Where neither runs, the refusal names the smallest budget that would do.
        return aside > ahead || aside < 0 ? less : all;
    }

    /** Blocks that run ahead; -1 where nothing runs. */
    private static int aheadUnder(Needs needs, Budgets budgets) {
        try {
            return of(needs, budgets).placement().prefetch();
        } catch (BadInputException e) {
            return -1;
        }
    }

    /** Bytes of the drive that hold what is set aside within a step. */
    public long spillBytes() {
        return SpillFile.fileBytes(needs.forwards().spills());
    }

    /** Whether all blocks lie where they are computed on, so that nothing moves at all. */
    boolean isResident() {
        return needs.unified() && !placement.homes().contains(Tier.NVME);
    }

    /** The smallest host budget with which these needs can be met beside a device budget. */
    public static long minimumHostBytes(Needs needs, long deviceBudget) {
        if (!needs.unified() && needs.everything() <= deviceBudget - needs.scratchBytes()) {
            return needs.scratchOnHost() + needs.largestBlock(); // the way in
        }
        long small = withHost(needs, 0);
        return small < IoOptions.SMALL_BUDGET ? small : withHost(needs, IoOptions.SMALL_BUDGET);
    }

    /** What a run takes of host memory beside a device budget where nothing lies on a drive. */
    public static long residentHostBytes(Needs needs, long deviceBudget) {
        return of(needs, new Budgets(ANY, deviceBudget, 0)).hostBytes();
    }

    /** The smallest device budget; 0 on a device without memory of its own. */
    public static long minimumDeviceBytes(Needs needs) {
        return needs.unified() ? 0 : needs.scratchBytes() + needs.largestBlock();
    }

    private static long withHost(Needs needs, long hostBudget) {
        long streaming = needs.largestBlock() + needs.streamingBytes(hostBudget);
        return needs.scratchOnHost() + Math.min(needs.everything(), streaming);
    }

    private static long hostBytes(Needs needs, Placement placement, long hostBudget) {
        long buffers = 0;
        if (placement.homes().contains(Tier.NVME)) {
            long staging = needs.buffers().bytes(IoOptions.beside(hostBudget), needs.writesBack());
            // One reader; one writer of the pipeline and one for what is flushed.
            buffers = staging + (needs.writesBack() ? BlockStore.bufferBytes(1, 2) : 0);
        }
        return needs.scratchOnHost() + placement.hostBytes() + buffers;
    }

    private static Optional<Placement> place(PlacementRequest request, long hostLeft) {
        if (hostLeft < 0) {
            return Optional.empty();
        }
        return Placement.plan(request.withBudgets(hostLeft, request.deviceBudget()))
                        instanceof Placement found
                ? Optional.of(found)
                : Optional.empty();
    }

    private static void requireRoom(long storeBytes, long spillBytes, long budget) {
        if (storeBytes + spillBytes > budget) {
            throw new BadInputException(
                    "--nvme-budget",
                    String.format(
                            "%s does not hold the changed blocks%s, and --host-budget leaves no room",
                            ByteSize.format(budget),
                            spillBytes > 0 ? " and what is set aside within a step" : ""),
                    String.format(
                            "give at least %d (%s), or a larger --host-budget",
                            storeBytes + spillBytes,
                            ByteSize.formatAtLeast(storeBytes + spillBytes)));
        }
    }

    private static BadInputException refusal(Needs needs, Budgets budgets) {
        long hostBudget = budgets.host();
        return new BadInputException(
                "--host-budget",
                String.format(
                        "%s does not hold the largest block (%s) beside what this batch needs (%s)",
                        ByteSize.format(hostBudget),
                        ByteSize.format(needs.largestBlock()),
                        ByteSize.format(needs.scratchOnHost() + needs.streamingBytes(hostBudget))),
                mend(minimumHostBytes(needs, budgets.device())));
    }

    private static long deviceLeft(Needs needs, long budget) {
        long smallest = minimumDeviceBytes(needs);
        if (budget < smallest) {
            throw new BadInputException(
                    "--device-budget",
                    String.format(
                            "%s does not hold the largest block (%s) beside what this batch needs (%s)",
                            ByteSize.format(budget),
                            ByteSize.format(needs.largestBlock()),
                            ByteSize.format(needs.scratchBytes())),
                    mend(smallest));
        }
        return budget - needs.scratchBytes();
    }

    private static String mend(long smallest) {
        return String.format(
                "give at least %d (%s), or a smaller --micro-batch or --seq-len",
                smallest, ByteSize.formatAtLeast(smallest));
    }
}
