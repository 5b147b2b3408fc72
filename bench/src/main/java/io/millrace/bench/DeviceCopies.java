package io.millrace.bench;

import io.millrace.memory.Ledger;
import io.millrace.memory.Tier;
import io.millrace.memory.device.Device;
import io.millrace.memory.device.DeviceBuffer;
import io.millrace.memory.device.DeviceEvent;
import io.millrace.memory.device.DeviceStream;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A bare copy loop between pinned memory and a device: one large copy after another and nothing
 * else, timed by the device's events. What a pipeline's copies are measured against.
 */
final class DeviceCopies {
    private static final int ROUNDS = 7;

    private final Device device;
    private final long copyBytes;
    private final int copies;

    /** Copies of one size, so many a measurement. */
    DeviceCopies(Device device, long copyBytes, int copies) {
        this.device = device;
        this.copyBytes = copyBytes;
        this.copies = copies;
    }

    private interface Copy {
        void enqueue(DeviceStream stream, HostSlab host, DeviceBuffer buffer);
    }

    /** Bytes a second each way alone, and each way while the other runs too: medians. */
    Map<String, Object> measure() {
        HostMemory host = new HostMemory(Ledger.unlimited(), Tier.HOST, device.pinning());
        double[][] rates = new double[4][ROUNDS];
        boolean pinned;
        try (HostSlab there = host.allocatePinned("copies there", copyBytes);
                HostSlab back = host.allocatePinned("copies back", copyBytes);
                DeviceBuffer target = device.allocate("copies there", copyBytes);
                DeviceBuffer source = device.allocate("copies back", copyBytes)) {
            pinned = there.isPinned() && back.isPinned();
            touch(there.segment());
            touch(back.segment());
            Timed up = new Timed(device.upload(), there, target, DeviceCopies::upload);
            Timed down = new Timed(device.offload(), back, source, DeviceCopies::download);
            for (int round = -1; round < ROUNDS; round++) {
                int slot = Math.max(round, 0); // the first round warms up
                rates[0][slot] = up.alone();
                rates[1][slot] = down.alone();
                up.start();
                down.start();
                rates[2][slot] = up.rate();
                rates[3][slot] = down.rate();
            }
            up.close();
            down.close();
        }
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("pinned", pinned);
        result.put("copy_bytes", copyBytes);
        result.put("h2d_bytes_per_second", median(rates[0]));
        result.put("d2h_bytes_per_second", median(rates[1]));
        result.put("h2d_bytes_per_second_both_ways", median(rates[2]));
        result.put("d2h_bytes_per_second_both_ways", median(rates[3]));
        return result;
    }

    private static void touch(MemorySegment bytes) {
        bytes.fill((byte) 1);
    }

    private static void upload(DeviceStream stream, HostSlab host, DeviceBuffer buffer) {
        stream.copyH2D(host.segment(), buffer, 0);
    }

    private static void download(DeviceStream stream, HostSlab host, DeviceBuffer buffer) {
        stream.copyD2H(buffer, 0, host.segment());
    }

    static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /** One direction. */
    private final class Timed implements AutoCloseable {
        private final DeviceStream stream;
        private final HostSlab host;
        private final DeviceBuffer buffer;
        private final Copy copy;
        private final DeviceEvent begin = device.newEvent();
        private final DeviceEvent end = device.newEvent();

        Timed(DeviceStream stream, HostSlab host, DeviceBuffer buffer, Copy copy) {
            this.stream = stream;
            this.host = host;
            this.buffer = buffer;
            this.copy = copy;
        }

        void start() {
            stream.record(begin);
            for (int i = 0; i < copies; i++) {
                copy.enqueue(stream, host, buffer);
            }
            stream.record(end);
        }

        double rate() {
            end.synchronize();
            return 1e9 * copyBytes * copies / (end.timeNs() - begin.timeNs());
        }

        double alone() {
            start();
            return rate();
        }

        @Override
        public void close() {
            begin.close();
            end.close();
        }
    }
}
