package io.millrace.memory.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.Ledger;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import java.lang.management.ManagementFactory;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

final class EmulatedDeviceTest extends DeviceContractTest {
    @Override
    protected Device open(Ledger ledger) {
        return Devices.open(DeviceName.EMULATED, ledger, DeviceOptions.defaults());
    }

    @Test
    void copiesTakeAsLongAsTheLinkThatTheyEmulate() {
        long size = 4 << 20;
        Ledger ledger = Ledger.unlimited();
        HostMemory memory = new HostMemory(ledger);
        // 4 MiB at 200 MB/s: 21 ms each, far above what the copy itself takes.
        DeviceOptions slow = new DeviceOptions(200_000_000, 0);
        try (Device device = Devices.open(DeviceName.EMULATED, ledger, slow);
                HostSlab slab = memory.allocate("block", size);
                DeviceBuffer buffer = device.allocate("block", size);
                DeviceEvent begin = device.newEvent();
                DeviceEvent end = device.newEvent()) {
            long cpuBefore = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
            device.upload().record(begin);
            for (int i = 0; i < 5; i++) {
                device.upload().copyH2D(slab.segment(), buffer, 0);
            }
            device.upload().record(end);
            end.synchronize();
            double seconds = (end.timeNs() - begin.timeNs()) / 1e9;
            double due = 5 * size / 200e6;
            assertThat(seconds).isGreaterThanOrEqualTo(due * 0.99);
            // Lateness of one copy is made good by the next; only a starved machine is later.
            assertThat(seconds).isLessThan(due * 2);
            long cpuNs = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - cpuBefore;
            assertThat(cpuNs).isLessThan((long) (due * 1e9 / 2));
        }
    }

    @Test
    void copiesAndComputingOverlapInTruth() throws InterruptedException {
        Ledger ledger = Ledger.unlimited();
        CountDownLatch uploading = new CountDownLatch(1);
        CountDownLatch computing = new CountDownLatch(1);
        try (Device device = Devices.open(DeviceName.EMULATED, ledger, DeviceOptions.defaults())) {
            // Each waits for the other to be under way: in one queue neither would ever end.
            device.upload().run(() -> meet(uploading, computing));
            device.compute().run(() -> meet(computing, uploading));
            device.upload().synchronize();
            device.compute().synchronize();
        }
        assertThat(uploading.getCount() + computing.getCount()).isZero();
    }

    private static void meet(CountDownLatch mine, CountDownLatch other) {
        mine.countDown();
        try {
            other.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void handingOverWorkAllocatesAlmostNothing() {
        Ledger ledger = Ledger.unlimited();
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (Device device = Devices.open(DeviceName.EMULATED, ledger, DeviceOptions.defaults());
                DeviceEvent event = device.newEvent()) {
            Runnable nothing = () -> {};
            long before = 0;
            for (int i = 0; i < 20_000; i++) {
                if (i == 10_000) {
                    before = threads.getCurrentThreadAllocatedBytes();
                }
                device.upload().run(nothing);
                device.upload().record(event);
                device.compute().await(event);
            }
            device.compute().synchronize();
            assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(100_000);
        }
    }
}
