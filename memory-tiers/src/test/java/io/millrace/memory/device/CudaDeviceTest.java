package io.millrace.memory.device;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import io.millrace.memory.Ledger;
import io.millrace.memory.NativeCallException;
import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.StreamFailedException;
import io.millrace.memory.Tier;
import io.millrace.memory.TierFullException;
import io.millrace.memory.cuda.HostCall;
import io.millrace.memory.cuda.HostCuda;
import io.millrace.memory.cuda.HostCudaOptions;
import io.millrace.memory.cuda.KernelArguments;
import io.millrace.memory.cuda.KernelLibrary;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The CUDA device on a driver that executes on the host. */
@ExtendWith(SeedExtension.class)
final class CudaDeviceTest extends DeviceContractTest {
    private static final KernelLibrary KERNELS =
            (image, name) ->
                    switch (name) {
                        case "add_one" -> CudaDeviceTest::addOne;
                        case "run_over" -> launch -> launch.memory().at(64, 4);
                        default -> null;
                    };

    private final HostCuda cuda = new HostCuda(HostCudaOptions.defaults().withPageable(), KERNELS);

    /** One byte more in each of n bytes. */
    private static void addOne(KernelLibrary.Launch launch) {
        long address = launch.arguments().get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
        int count = launch.arguments().get(ValueLayout.JAVA_INT_UNALIGNED, 8);
        var bytes = launch.memory().at(address, count);
        for (int i = 0; i < count; i++) {
            bytes.set(JAVA_BYTE, i, (byte) (bytes.get(JAVA_BYTE, i) + 1));
        }
    }

    @Override
    protected Device open(Ledger ledger) {
        return CudaDevice.open(cuda, 0, ledger);
    }

    private static Ledger device(long budgetBytes) {
        return new Ledger(Map.of(Tier.DEVICE, budgetBytes));
    }

    @Test
    void givesEverythingBack() {
        try (HostCuda driver = new HostCuda()) {
            CudaDevice device = CudaDevice.open(driver, 0, device(1 << 20));
            HostMemory host = new HostMemory(Ledger.unlimited(), Tier.HOST, device.pinning());
            try (HostSlab slab = host.allocatePinned("block", 5000);
                    DeviceBuffer buffer = device.allocate("block", 5000);
                    DeviceEvent event = device.newEvent()) {
                assertThat(slab.isPinned()).isTrue();
                device.upload().copyH2D(slab.segment(), buffer, 0);
                device.upload().record(event);
                event.synchronize();
            }
            device.close();
            device.close();
            driver.requireNothingLeft();
        }
    }

    @Test
    void computesBetweenCopiesInTheOrderOfEventsAlone(@Seed long seed) {
        HostCudaOptions slow = HostCudaOptions.defaults().withDelays(seed, 300_000);
        try (HostCuda driver = new HostCuda(slow, KERNELS)) {
            CudaDevice device = CudaDevice.open(driver, 0, Ledger.unlimited());
            HostMemory host = new HostMemory(Ledger.unlimited(), Tier.HOST, device.pinning());
            long module = driver.loadModule(new byte[8]);
            long function = driver.function(module, "add_one");
            int size = 10_000;
            try (KernelArguments arguments = new KernelArguments();
                    HostSlab slab = host.allocatePinned("block", size);
                    DeviceBuffer buffer = device.allocate("block", size);
                    DeviceEvent uploaded = device.newEvent();
                    DeviceEvent computed = device.newEvent();
                    DeviceEvent back = device.newEvent()) {
                for (int i = 1; i <= 20; i++) {
                    device.upload().copyH2D(slab.segment(), buffer, 0);
                    device.upload().record(uploaded);
                    device.compute().await(uploaded);
                    arguments.begin().int64(buffer.address()).int32(size);
                    driver.launchKernel(
                            function, 1, 1, 1, 32, 1, 1, 0, device.compute().handle(), arguments);
                    device.compute().record(computed);
                    device.offload().await(computed);
                    device.offload().copyD2H(buffer, 0, slab.segment());
                    device.offload().record(back);
                    back.synchronize();
                    byte[] expected = new byte[size];
                    java.util.Arrays.fill(expected, (byte) i);
                    assertThat(slab.segment().toArray(JAVA_BYTE)).isEqualTo(expected);
                }
                assertThat(driver.calls("cuStreamSynchronize")).isEmpty();
                assertThat(driver.calls("cuMemcpyHtoDAsync")).hasSize(20);
            }
            driver.unloadModule(module);
            device.close();
            driver.requireNothingLeft();
        }
    }

    @Test
    void aFaultOnTheDeviceShowsWithItsCauseAtTheEvent() {
        try (HostCuda driver = new HostCuda(HostCudaOptions.defaults(), KERNELS)) {
            CudaDevice device = CudaDevice.open(driver, 0, Ledger.unlimited());
            long function = driver.function(driver.loadModule(new byte[8]), "run_over");
            try (KernelArguments arguments = new KernelArguments()) {
                CudaEvent event = device.newEvent();
                driver.launchKernel(
                        function,
                        1,
                        1,
                        1,
                        1,
                        1,
                        1,
                        0,
                        device.compute().handle(),
                        arguments.begin());
                device.compute().record(event);
                assertThatThrownBy(event::synchronize)
                        .isInstanceOf(StreamFailedException.class)
                        .cause()
                        .isInstanceOf(NativeCallException.class)
                        .hasMessageContaining("run_over");
                assertThatThrownBy(device.compute()::synchronize)
                        .isInstanceOf(StreamFailedException.class);
            }
        }
    }

    @Test
    void takesMemoryFromTheDriverOnceAsBuffersComeAndNoMoreThanItsBudget() {
        long granule = cuda.mapGranularityBytes(0);
        long budget = 10 * granule;
        try (CudaDevice device = CudaDevice.open(cuda, 0, device(budget))) {
            assertThat(device.takenBytes()).isZero();
            try (DeviceBuffer first = device.allocate("first", 3 * 4096 - 1);
                    DeviceBuffer second = device.allocate("second", 4096)) {
                assertThat(second.address()).isEqualTo(first.address() + 3 * 4096);
                assertThat(device.takenBytes()).isEqualTo(granule);
                try (DeviceBuffer rest = device.allocate("rest", budget - 4 * 4096)) {
                    assertThat(rest.address()).isEqualTo(second.address() + 4096);
                    assertThat(device.takenBytes()).isEqualTo(budget);
                }
            }
            cuda.clearCalls();
            device.allocate("again", budget).close();
            assertThat(cuda.calls("cuMemMap")).isEmpty();
        }
    }

    @Test
    void worksWithoutMappedAddressesToo() {
        HostCudaOptions old = HostCudaOptions.defaults().withMemory(4 << 20).withoutMapping();
        try (HostCuda driver = new HostCuda(old, KERNELS);
                CudaDevice device = CudaDevice.open(driver, 0, device(1 << 20))) {
            DeviceBuffer all = device.allocate("all", 1 << 20);
            assertThat(device.takenBytes()).isEqualTo(1 << 20);
            all.close();
            device.allocate("a", 5000).close();
            assertThat(driver.calls("cuMemAlloc")).hasSize(1);
        }
    }

    @Test
    void aCardThatOthersHaveFilledIsARefusalThatSaysWhatIsFree() {
        HostCudaOptions small = HostCudaOptions.defaults().withMemory(1 << 20);
        try (HostCuda driver = new HostCuda(small, KERNELS);
                CudaDevice device = CudaDevice.open(driver, 0, Ledger.unlimited())) {
            long others = driver.memAlloc(768 << 10);
            assertThatThrownBy(() -> device.allocate("logits", 512 << 10))
                    .isInstanceOf(TierFullException.class)
                    .hasMessageContainingAll("logits", "256.00KiB", "--device-budget");
            device.allocate("logits", 128 << 10).close();
            driver.memFree(others);
        }
    }

    @Test
    void saysWhatARunMayTakeOfACardThatOthersUseToo() {
        HostCudaOptions small = HostCudaOptions.defaults().withMemory(16 << 20);
        try (HostCuda driver = new HostCuda(small, KERNELS);
                CudaDevice first = CudaDevice.open(driver, 0, Ledger.unlimited())) {
            DeviceBuffer others = first.allocate("others", 8 << 20);
            try (CudaDevice second = CudaDevice.open(driver, 0, Ledger.unlimited())) {
                assertThat(second.capacityBytes()).isEqualTo((8 << 20) / 16 * 15);
            }
            others.close();
        }
    }

    @Test
    void newMemoryIsZeroAlsoWhereItWasUsedBefore() {
        try (CudaDevice device = CudaDevice.open(cuda, 0, Ledger.unlimited())) {
            for (int i = 0; i < 2; i++) {
                try (DeviceBuffer buffer = device.allocate("scratch", 9000)) {
                    var bytes = cuda.deviceMemory(buffer.address(), 9000);
                    assertThat(bytes.toArray(JAVA_BYTE)).containsOnly(0);
                    bytes.fill((byte) 7);
                }
            }
        }
    }

    @Test
    void eventTimesLieOnTheHostsClockThoughTheDevicesRunsFast() {
        HostCudaOptions fast = HostCudaOptions.defaults().withClockSkew(0.001);
        try (HostCuda driver = new HostCuda(fast, KERNELS);
                CudaDevice device = CudaDevice.open(driver, 0, Ledger.unlimited());
                CudaEvent event = device.newEvent()) {
            long worstNs = 0;
            for (int i = 0; i < 30; i++) {
                LockSupport.parkNanos(80_000_000);
                long before = System.nanoTime();
                device.compute().record(event);
                event.synchronize();
                long after = System.nanoTime();
                long time = event.timeNs();
                worstNs = Math.max(worstNs, Math.max(before - time, time - after));
            }
            // Against one base the error would grow to 2.4 ms; anew each second it stays below 1.
            assertThat(worstNs).isLessThan(1_300_000);
        }
    }

    @Test
    void recordsOfOneEventAreTimedEachByItself() {
        try (CudaDevice device = CudaDevice.open(cuda, 0, Ledger.unlimited());
                CudaEvent event = device.newEvent()) {
            long last = 0;
            for (int i = 0; i < 100; i++) {
                device.upload().record(event);
                event.synchronize();
                assertThat(event.timeNs()).isGreaterThanOrEqualTo(last);
                last = event.timeNs();
            }
        }
    }

    @Test
    void namesOfCardsThatAreNotThereAreInputThatAPersonCanMend() {
        HostCudaOptions two = HostCudaOptions.defaults().withMemory(1 << 20).withDevices(2);
        HostCuda driver = new HostCuda(two, KERNELS);
        assertThatThrownBy(() -> CudaDevice.open(driver, 2, Ledger.unlimited()))
                .isInstanceOf(BadInputException.class)
                .hasMessage("--device: there is no cuda:2; use cuda:0 to cuda:1");
        HostCuda none = new HostCuda(HostCudaOptions.defaults().withDevices(0), KERNELS);
        assertThatThrownBy(() -> CudaDevice.open(none, 0, Ledger.unlimited()))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("nvidia-smi");
    }

    @Test
    void isOpenedByNameAndSaysWhatItIs() throws Exception {
        try (AutoCloseable installed = cuda.install();
                Device device =
                        Devices.open(
                                DeviceName.cuda(0), Ledger.unlimited(), DeviceOptions.defaults())) {
            assertThat(installed).isNotNull();
            assertThat(device.name()).hasToString("cuda:0");
            assertThat(((CudaDevice) device).facts().describe())
                    .isEqualTo(
                            "Host CUDA 0, 1.00GiB, compute capability 9.0, 4 multiprocessors, driver"
                                    + " for CUDA 13.1, nothing from NVML (a fake has none)");
        }
    }

    @Test
    void aPageableCopyFailsTheFakeUnlessItIsToldToTakeIt() {
        try (HostCuda driver = new HostCuda();
                CudaDevice device = CudaDevice.open(driver, 0, Ledger.unlimited());
                DeviceBuffer buffer = device.allocate("block", 4096);
                HostSlab slab = new HostMemory(Ledger.unlimited()).allocate("block", 4096)) {
            device.upload().copyH2D(slab.segment(), buffer, 0);
            assertThatThrownBy(device.upload()::synchronize)
                    .isInstanceOf(StreamFailedException.class)
                    .cause()
                    .hasMessageContaining("not registered");
            List<HostCall> copies = driver.calls("cuMemcpyHtoDAsync");
            assertThat(copies).isEmpty();
        }
    }
}
