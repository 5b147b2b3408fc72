package io.millrace.prefetch.probe;

import io.millrace.memory.Ledger;
import io.millrace.memory.device.Device;
import io.millrace.memory.device.DeviceName;
import io.millrace.memory.device.DeviceOptions;
import io.millrace.memory.device.Devices;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.prefetch.CopyTimes;
import io.millrace.prefetch.DevicePort;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicBoolean;

/** Copies to and from a device with memory of its own, through the pipeline's own port. */
final class CopyProbe {
    private static final long BLOCK_BYTES = 64L << 20;
    private static final int ROUNDS = 7;

    private CopyProbe() {}

    /**
     * What copies reach.
     *
     * @param h2d bytes a second, alone
     * @param d2h bytes a second, alone
     * @param h2dWhileD2h with both directions busy
     * @param d2hWhileH2d with both directions busy
     * @param cpuSeconds processor seconds a byte
     */
    record Result(
            double h2d, double d2h, double h2dWhileD2h, double d2hWhileH2d, double cpuSeconds) {}

    static Result run(DeviceName name) {
        Ledger ledger = Ledger.unlimited();
        HostMemory host = new HostMemory(ledger);
        try (Device device = Devices.open(name, ledger, DeviceOptions.defaults())) {
            DevicePort port = DevicePort.of(device);
            CopyTimes upTimes = new CopyTimes();
            CopyTimes downTimes = new CopyTimes();
            try (HostSlab up = host.allocatePinned("probed upload", BLOCK_BYTES);
                    HostSlab down = host.allocatePinned("probed download", BLOCK_BYTES);
                    DevicePort.Region in = port.allocate("probed upload", BLOCK_BYTES);
                    DevicePort.Region out = port.allocate("probed download", BLOCK_BYTES)) {
                // Pages that were never written are all one page, which no cache has to fetch.
                up.segment().fill((byte) 1);
                port.upload(up.segment(), in, upTimes);
                port.upload(up.segment(), out, upTimes);
                port.download(out, down.segment(), downTimes);
                Stopwatch.Rate h2d =
                        Stopwatch.rate(
                                ROUNDS, BLOCK_BYTES, () -> port.upload(up.segment(), in, upTimes));
                Stopwatch.Rate d2h =
                        Stopwatch.rate(
                                ROUNDS,
                                BLOCK_BYTES,
                                () -> port.download(out, down.segment(), downTimes));
                double[] both = both(port, up.segment(), in, out, down.segment());
                return new Result(
                        h2d.bytesPerSecond(),
                        d2h.bytesPerSecond(),
                        Math.min(both[0], h2d.bytesPerSecond()),
                        Math.min(both[1], d2h.bytesPerSecond()),
                        Math.max(h2d.cpuSeconds(), d2h.cpuSeconds()));
            }
        }
    }

    private static double[] both(
            DevicePort port,
            MemorySegment up,
            DevicePort.Region in,
            DevicePort.Region out,
            MemorySegment down) {
        CopyTimes upTimes = new CopyTimes();
        CopyTimes downTimes = new CopyTimes();
        AtomicBoolean uploaded = new AtomicBoolean();
        double[] downRate = new double[1];
        Thread downloads =
                Thread.ofPlatform()
                        .name("millrace-probe-d2h")
                        .start(() -> {
                            long bytes = 0;
                            long begin = System.nanoTime();
                            while (!uploaded.get()) {
                                port.download(out, down, downTimes);
                                bytes += BLOCK_BYTES;
                            }
                            downRate[0] = bytes / ((System.nanoTime() - begin) / 1e9);
                        });
        double upRate;
        try {
            upRate =
                    Stopwatch.rate(2 * ROUNDS, BLOCK_BYTES, () -> port.upload(up, in, upTimes))
                            .bytesPerSecond();
        } finally {
            uploaded.set(true);
        }
        DriveProbe.join(downloads);
        return new double[] {upRate, downRate[0]};
    }
}
