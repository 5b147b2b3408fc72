package io.millrace.memory.nvme;

import io.millrace.memory.BadInputException;

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
 * @param delayNs how long a request waits before it begins on average: from nothing to twice that
 * @param limit faults after which the drive is sound again; delays do not count
 */
public record FaultPlan(
        long seed,
        double readErrorRate,
        double writeErrorRate,
        double fullRate,
        double shortRate,
        double bitFlipRate,
        double syncErrorRate,
        long delayNs,
        long limit) {
    /** Where a run is told which faults to rehearse. */
    public static final String PROPERTY = "millrace.faults";

    /**
     * Reads faults as a run is told them: {@code seed=7,delay-us=300,short=0.1,read-error=0.001}.
     *
     * @param text what {@link #PROPERTY} says
     * @throws BadInputException naming the part that is not understood
     */
    public static FaultPlan parse(String text) {
        FaultPlan plan = none(0);
        for (String part : text.split(",", -1)) {
            String[] sides = part.split("=", 2);
            try {
                plan = plan.with(sides[0].strip(), sides.length < 2 ? "" : sides[1].strip());
            } catch (NumberFormatException e) {
                throw new BadInputException(
                        PROPERTY, "'" + part + "' has no number", "write such as delay-us=300");
            }
        }
        return plan;
    }

    private FaultPlan with(String name, String value) {
        return switch (name) {
            case "seed" ->
                    new FaultPlan(
                            Long.parseLong(value),
                            readErrorRate,
                            writeErrorRate,
                            fullRate,
                            shortRate,
                            bitFlipRate,
                            syncErrorRate,
                            delayNs,
                            limit);
            case "delay-us" -> withDelay(Long.parseLong(value) * 1000);
            case "read-error" -> withReadErrors(Double.parseDouble(value));
            case "write-error" -> withWriteErrors(Double.parseDouble(value));
            case "full" -> withFullDrive(Double.parseDouble(value));
            case "short" -> withShortTransfers(Double.parseDouble(value));
            case "bit-flip" -> withBitFlips(Double.parseDouble(value));
            case "limit" -> withLimit(Long.parseLong(value));
            case "sync-error" -> withSyncErrors(Double.parseDouble(value));
            default ->
                    throw new BadInputException(
                            PROPERTY,
                            "there is no fault '" + name + "'",
                            "take seed, delay-us, read-error, write-error, full, short, bit-flip,"
                                    + " sync-error or limit");
        };
    }

    /** A drive without faults. */
    public static FaultPlan none(long seed) {
        return new FaultPlan(seed, 0, 0, 0, 0, 0, 0, 0, Long.MAX_VALUE);
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
                delayNs,
                limit);
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
                delayNs,
                limit);
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
                delayNs,
                limit);
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
                delayNs,
                limit);
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
                delayNs,
                limit);
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
                delayNs,
                limit);
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
                ns,
                limit);
    }

    /** The same, but sound again after so many faults. */
    public FaultPlan withLimit(long faults) {
        return new FaultPlan(
                seed,
                readErrorRate,
                writeErrorRate,
                fullRate,
                shortRate,
                bitFlipRate,
                syncErrorRate,
                delayNs,
                faults);
    }
}
