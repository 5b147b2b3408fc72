package io.millrace.prefetch;

import java.util.List;
import java.util.Set;

/**
 * What a placement has to hold and may use.
 *
 * @param blockBytes bytes of each block, in order of index
 * @param headBytes bytes at the beginning of each that some visits need alone
 * @param visits the blocks of a step in order; of those that come in few steps the largest, so that
 *     there is room for each
 * @param hostBudget bytes of host memory left for weights
 * @param deviceBudget bytes left for weights on a device with memory of its own, or {@link
 *     #UNIFIED} where the device computes on host memory
 * @param prefetch visits ahead of the one computed whose blocks are to be on their way
 * @param writesBack whether blocks change, so that one more may be on its way back
 */
public record PlacementRequest(
        List<Long> blockBytes,
        List<Long> headBytes,
        List<Integer> visits,
        long hostBudget,
        long deviceBudget,
        int prefetch,
        boolean writesBack) {
    /** The device budget of a device without memory of its own. */
    public static final long UNIFIED = -1;

    /** Checks that visits and blocks match. */
    public PlacementRequest {
        blockBytes = List.copyOf(blockBytes);
        headBytes = List.copyOf(headBytes);
        visits = List.copyOf(visits);
        if (headBytes.size() != blockBytes.size()) {
            throw new IllegalArgumentException(
                    headBytes.size() + " heads of " + blockBytes.size() + " blocks");
        }
        if (blockBytes.isEmpty() || blockBytes.stream().anyMatch(size -> size < 1)) {
            throw new IllegalArgumentException("blocks of " + blockBytes + " bytes");
        }
        for (int block : visits) {
            if (block < 0 || block >= blockBytes.size()) {
                throw new IllegalArgumentException("a visit to block " + block);
            }
        }
        requireRoomForOthers(blockBytes, visits);
        if (hostBudget < 0 || deviceBudget < UNIFIED || prefetch < 0) {
            throw new IllegalArgumentException(
                    "budgets " + hostBudget + ", " + deviceBudget + ", prefetch " + prefetch);
        }
    }

    private static void requireRoomForOthers(List<Long> blockBytes, List<Integer> visits) {
        Set<Integer> visited = Set.copyOf(visits);
        long largest = visited.stream().mapToLong(blockBytes::get).max().orElse(0);
        for (int block = 0; block < blockBytes.size(); block++) {
            if (!visited.contains(block) && blockBytes.get(block) > largest) {
                throw new IllegalArgumentException(
                        "block " + block + " is not visited, and larger than what is");
            }
        }
    }

    /** Of blocks that every visit needs whole. */
    public PlacementRequest(
            List<Long> blockBytes,
            List<Integer> visits,
            long hostBudget,
            long deviceBudget,
            int prefetch,
            boolean writesBack) {
        this(blockBytes, blockBytes, visits, hostBudget, deviceBudget, prefetch, writesBack);
    }

    /** Whether the device computes on host memory, so that nothing is copied to it. */
    public boolean isUnified() {
        return deviceBudget == UNIFIED;
    }

    /** The same with other budgets. */
    public PlacementRequest withBudgets(long hostBytes, long deviceBytes) {
        return new PlacementRequest(
                blockBytes, headBytes, visits, hostBytes, deviceBytes, prefetch, writesBack);
    }
}
