package io.millrace.memory.cuda;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import io.millrace.memory.Ledger;
import io.millrace.memory.NativeCallException;
import io.millrace.memory.Tier;
import io.millrace.memory.device.CudaDevice;
import io.millrace.memory.device.CudaEvent;
import io.millrace.memory.device.DeviceBuffer;
import io.millrace.memory.device.DeviceName;
import io.millrace.memory.device.DeviceOptions;
import io.millrace.memory.device.Devices;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicInteger;

/** What {@link DriverCallsTest} runs in a JVM that finds the test's driver. */
final class DriverCallsProgram {
    private DriverCallsProgram() {}

    public static void main(String[] args) throws Exception {
        try {
            CudaApi api = CudaDriver.load();
            if (args[0].equals("facts")) {
                facts();
            }
            if (args[0].equals("work")) {
                device();
                kernel(api);
                System.out.println("all calls were right");
            }
        } catch (BadInputException e) {
            System.out.println(e.getMessage());
        }
    }

    private static void facts() {
        try (CudaDevice device =
                (CudaDevice)
                        Devices.open(
                                DeviceName.cuda(0), Ledger.unlimited(), DeviceOptions.defaults())) {
            System.out.println(device.facts().describe());
            device.askFacts()
                    .nvml()
                    .facts()
                    .ifPresent(told -> System.out.println(told.slowdowns()));
        }
    }

    private static void device() {
        CudaDevice device =
                (CudaDevice)
                        Devices.open(
                                DeviceName.cuda(0), Ledger.unlimited(), DeviceOptions.defaults());
        assertThat(device.facts().describe())
                .startsWith("Test card, 1.00GiB, compute capability 8.6");
        HostMemory host = new HostMemory(Ledger.unlimited(), Tier.HOST, device.pinning());
        try (HostSlab slab = host.allocatePinned("block", 3 << 20);
                DeviceBuffer buffer = device.allocate("block", 3 << 20);
                CudaEvent event = device.newEvent()) {
            assertThat(slab.isPinned()).isTrue();
            assertThat(device.takenBytes()).isEqualTo(4 << 20);
            slab.segment().fill((byte) 42);
            device.upload().copyH2D(slab.segment(), buffer, 0);
            slab.segment().fill((byte) 0);
            device.offload().copyD2H(buffer, 0, slab.segment());
            device.offload().synchronize();
            assertThat(slab.segment().get(JAVA_BYTE, (3 << 20) - 1)).isEqualTo((byte) 42);
            AtomicInteger ran = new AtomicInteger();
            for (int i = 0; i < 50; i++) {
                device.compute().run(ran::incrementAndGet);
            }
            assertThat(ran).hasValue(50);
            long before = System.nanoTime();
            device.compute().record(event);
            event.synchronize();
            assertThat(event.timeNs()).isBetween(before - 100_000, System.nanoTime() + 100_000);
            steadyState(device, slab, buffer, event);
        }
        device.close();
    }

    private static void steadyState(
            CudaDevice device, HostSlab slab, DeviceBuffer buffer, CudaEvent event) {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        MemorySegment page = slab.segment().asSlice(0, 4096);
        long before = 0;
        for (int i = 0; i < 20_000; i++) {
            if (i == 10_000) {
                before = threads.getCurrentThreadAllocatedBytes();
            }
            device.upload().copyH2D(page, buffer, 0);
            device.upload().record(event);
            device.compute().await(event);
            device.api().fill(buffer.address(), (byte) 1, 4096, device.compute().handle());
            event.synchronize();
        }
        long allocated = threads.getCurrentThreadAllocatedBytes() - before;
        assertThat(allocated).as("bytes in 10,000 rounds").isLessThan(200_000);
    }

    private static void kernel(CudaApi api) throws Exception {
        long context = api.retainContext(0);
        api.makeCurrent(context);
        assertThat(api.freeMemoryBytes()).isEqualTo(123 << 20);
        assertThatThrownBy(() -> api.memAlloc(2L << 30))
                .isInstanceOf(NativeCallException.class)
                .hasMessage(
                        "cuMemAlloc(2147483648) failed with 2: CUDA_ERROR_OUT_OF_MEMORY, as"
                                + " tested");
        long stream = api.createStream();
        long module = api.loadModule("the image\0".getBytes(StandardCharsets.US_ASCII));
        long function = api.function(module, "mark");
        api.setMaxDynamicSharedBytes(function, 77);
        try (Arena arena = Arena.ofConfined();
                KernelArguments arguments = new KernelArguments()) {
            MemorySegment out = arena.allocate(JAVA_LONG, 6);
            arguments.begin().int32(-5).int64(out.address()).float32(1.5f).float64(2.25);
            api.launchKernel(function, 3, 2, 1, 4, 6, 5, 512, stream, arguments);
            assertThat(out.toArray(JAVA_LONG))
                    .containsExactly(
                            3 + 20 + 100 + 4000 + 600_000 + 5_000_000, 77_512, -5, 1500, 2250, 32);
        }
        long first = api.memAlloc(64);
        long second = api.memAlloc(64);
        api.fill(first, (byte) 9, 64, stream);
        api.copyDtoD(second, first, 64, stream);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment host = arena.allocate(64);
            api.copyDtoH(host, second, stream);
            assertThat(host.toArray(JAVA_BYTE)).containsOnly(9);
        }
        assertThatThrownBy(() -> api.function(module, "other"))
                .hasMessageContaining("cuModuleGetFunction(other)");
        Thread elsewhere =
                Thread.ofPlatform()
                        .start(() ->
                                assertThatThrownBy(api::createStream).hasMessageContaining("201"));
        elsewhere.join();
        api.memFree(first);
        api.memFree(second);
        api.unloadModule(module);
        api.synchronizeStream(stream);
        api.destroyStream(stream);
        api.releaseContext(0);
    }
}
