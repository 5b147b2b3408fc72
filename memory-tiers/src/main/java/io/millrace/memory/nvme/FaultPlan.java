package io.millrace.memory.nvme;

/**
 * Which faults a drive shows, each at a rate between 0 and 1, drawn from a seed.
 *
 * @param seed of the draws: the n-th request of a file system meets the same fault every time
 * @param readErrorRate reads that fail with EIO
 * @param writeErrorRate writes that fail with EIO
 * @param fullRate writes that fail with ENOSPC
 * @param shortRate reads and writes that move fewer bytes than asked for
 * @param bitFlipRate reads that come back with one bit changed
 * @param syncErrorRate syncs that fail with EIO
 * @param delayNs how long each request waits before it begins
 */
public record FaultPlan(
        long seed,
        double readErrorRate,
        double writeErrorRate,
        double fullRate,
        double shortRate,
        double bitFlipRate,
        double syncErrorRate,
        long delayNs) {
    /** A drive without faults. */
    public static FaultPlan none(long seed) {
        return new FaultPlan(seed, 0, 0, 0, 0, 0, 0, 0);
    }

    /** The same with failing reads. */
    public FaultPlan withReadErrors(double rate) {
        return new FaultPlan(
                seed,
                rate,
                writeErrorRate,
                fullRate,
                shortRate,
                bitFlipRate,
                syncErrorRate,
                delayNs);
    }

    /** The same with failing writes. */
    public FaultPlan withWriteErrors(double rate) {
        return new FaultPlan(
                seed,
                readErrorRate,
                rate,
                fullRate,
                shortRate,
                bitFlipRate,
                syncErrorRate,
                delayNs);
    }

    /** The same with writes that find the drive full. */
    public FaultPlan withFullDrive(double rate) {
        return new FaultPlan(
                seed,
                readErrorRate,
                writeErrorRate,
                rate,
                shortRate,
                bitFlipRate,
                syncErrorRate,
                delayNs);
    }

    /** The same with short reads and writes. */
    public FaultPlan withShortTransfers(double rate) {
        return new FaultPlan(
                seed,
                readErrorRate,
                writeErrorRate,
                fullRate,
                rate,
                bitFlipRate,
                syncErrorRate,
                delayNs);
    }

    /** The same with bits that flip on the way. */
    public FaultPlan withBitFlips(double rate) {
        return new FaultPlan(
                seed,
                readErrorRate,
                writeErrorRate,
                fullRate,
                shortRate,
                rate,
                syncErrorRate,
                delayNs);
    }

    /** The same with failing syncs. */
    public FaultPlan withSyncErrors(double rate) {
        return new FaultPlan(
                seed,
                readErrorRate,
                writeErrorRate,
                fullRate,
                shortRate,
                bitFlipRate,
                rate,
                delayNs);
    }

    /** The same with a drive that takes its time. */
    public FaultPlan withDelay(long ns) {
        return new FaultPlan(
                seed,
                readErrorRate,
                writeErrorRate,
                fullRate,
                shortRate,
                bitFlipRate,
                syncErrorRate,
                ns);
    }
}
