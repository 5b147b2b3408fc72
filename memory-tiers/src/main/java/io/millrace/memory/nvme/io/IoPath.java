package io.millrace.memory.nvme.io;

import java.util.List;

/**
 * What moves the bytes of the NVMe tier.
 *
 * @param engine {@code io_uring} or {@code pread/pwrite}
 * @param direct whether the page cache is bypassed
 * @param refusals why something faster does not run, one line each; empty when nothing was refused
 */
public record IoPath(String engine, boolean direct, List<String> refusals) {
    /** Freezes the list. */
    public IoPath {
        refusals = List.copyOf(refusals);
    }

    /** One line for the run's output. */
    public String describe() {
        String runs = engine + (direct ? " with O_DIRECT" : " through the page cache");
        return refusals.isEmpty() ? runs : runs + " (" + String.join("; ", refusals) + ")";
    }
}
