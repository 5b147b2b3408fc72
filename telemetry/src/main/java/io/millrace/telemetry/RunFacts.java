package io.millrace.telemetry;

import java.util.List;
import java.util.function.LongSupplier;

/**
 * What observers know of a run before its first step.
 *
 * @param description the resolved run on one line
 * @param model name of the model
 * @param device name of the device
 * @param unified whether the device computes on host memory
 * @param prefetch blocks requested ahead of the one computed
 * @param blocks the blocks in order of index
 * @param memory the kinds of memory that the run holds
 * @param clock the recorder's clock, in nanoseconds
 */
public record RunFacts(
        String description,
        String model,
        String device,
        boolean unified,
        int prefetch,
        List<BlockFact> blocks,
        List<MemoryGauge> memory,
        LongSupplier clock) {
    /** Freezes the lists. */
    public RunFacts {
        blocks = List.copyOf(blocks);
        memory = List.copyOf(memory);
    }

    /**
     * One block of the model.
     *
     * @param name what a person calls it, such as {@code layer 3}
     * @param bytes its weights
     * @param home label of the tier where it stays; the drive for one that only passes through
     *     memory
     */
    public record BlockFact(String name, long bytes, String home) {}
}
