package io.millrace.prefetch.plan;

import io.millrace.telemetry.Lane;
import java.util.EnumMap;
import java.util.Map;
import java.util.Set;

/**
 * How fast each lane goes while certain others do: two directions of one link slow each other down,
 * and on a CPU the lanes' own threads take their share of the cores that compute.
 */
final class SharedRates {
    private final Machine machine;
    private final boolean copies;

    SharedRates(Machine machine, boolean copies) {
        this.machine = machine;
        this.copies = copies;
    }

    /**
     * Speeds while these lanes are at work: bytes a second of a transfer, and for compute the share
     * of its full speed.
     */
    Map<Lane, Double> of(Set<Lane> busy) {
        Map<Lane, Double> rates = new EnumMap<>(Lane.class);
        Machine.Drive drive = machine.drive();
        Machine.Accelerator device = machine.device();
        boolean reading = busy.contains(Lane.NVME_READ);
        boolean writing = busy.contains(Lane.NVME_WRITE);
        boolean up = busy.contains(Lane.H2D);
        boolean down = busy.contains(Lane.D2H);
        if (reading) {
            rates.put(
                    Lane.NVME_READ,
                    writing ? drive.readWhileWriting() : drive.readBytesPerSecond());
        }
        if (writing) {
            rates.put(
                    Lane.NVME_WRITE,
                    reading ? drive.writeWhileReading() : drive.writeBytesPerSecond());
        }
        if (up) {
            rates.put(Lane.H2D, down ? device.h2dWhileD2h() : device.h2dBytesPerSecond());
        }
        if (down) {
            rates.put(Lane.D2H, up ? device.d2hWhileH2d() : device.d2hBytesPerSecond());
        }
        if (busy.contains(Lane.COMPUTE)) {
            rates.put(Lane.COMPUTE, 1.0);
        }
        if (device.onHostCores()) {
            shareCores(rates);
        }
        return rates;
    }

    /** The kernel gives every thread that wants it the same share of what the modest ones leave. */
    private void shareCores(Map<Lane, Double> rates) {
        int cores = machine.host().cores();
        Map<Lane, Double> wanted = new EnumMap<>(Lane.class);
        rates.forEach((lane, rate) -> wanted.put(lane, Math.min(1, rate * cpuSeconds(lane))));
        boolean computing = rates.containsKey(Lane.COMPUTE);
        int workers = computing ? cores : 0;
        wanted.remove(Lane.COMPUTE);
        double fair = fairShare(cores, workers, wanted);
        wanted.forEach((lane, share) -> {
            if (share > fair) {
                rates.computeIfPresent(lane, (same, rate) -> rate * fair / share);
            }
        });
        if (computing) {
            rates.put(Lane.COMPUTE, Math.min(1, fair));
        }
    }

    /** The level at which shares up to it, and every worker's whole core, fill the cores. */
    private static double fairShare(int cores, int workers, Map<Lane, Double> wanted) {
        double level = 1;
        for (int round = 0; round <= wanted.size(); round++) {
            double modest = 0;
            int greedy = workers;
            for (double share : wanted.values()) {
                if (share <= level) {
                    modest += share;
                } else {
                    greedy++;
                }
            }
            double next = greedy == 0 ? 1 : Math.min(1, (cores - modest) / greedy);
            if (next == level) {
                return level;
            }
            level = next;
        }
        return level;
    }

    private double cpuSeconds(Lane lane) {
        return switch (lane) {
            case NVME_READ -> machine.drive().readCpuSeconds();
            case NVME_WRITE -> machine.drive().writeCpuSeconds();
            case H2D, D2H -> copies ? machine.device().copyCpuSeconds() : 0;
            case COMPUTE -> 0;
        };
    }
}
