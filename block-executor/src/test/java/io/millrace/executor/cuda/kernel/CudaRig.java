package io.millrace.executor.cuda.kernel;

import io.millrace.executor.cpu.param.StorageCodec;
import io.millrace.memory.DType;
import io.millrace.memory.Ledger;
import io.millrace.memory.Tier;
import io.millrace.memory.device.CudaDevice;
import io.millrace.memory.device.DeviceBuffer;
import io.millrace.memory.device.DeviceName;
import io.millrace.memory.device.DeviceOptions;
import io.millrace.memory.device.Devices;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;

/** A device with its kernels, and memory on it that tests fill and read. */
public final class CudaRig implements AutoCloseable {
    private final Deque<AutoCloseable> owned = new ArrayDeque<>();
    private final CudaDevice device;
    private final HostMemory host;
    private final DeviceKernels kernels;
    private final FoldPrograms programs;

    /** The first device, with the kernels of the kit in use. */
    public CudaRig() {
        Ledger ledger = Ledger.unlimited();
        device =
                own(
                        (CudaDevice)
                                Devices.open(DeviceName.cuda(0), ledger, DeviceOptions.defaults()));
        device.makeCurrent();
        host = new HostMemory(ledger, Tier.HOST, device.pinning());
        byte[] image = DeviceKits.current().image(device.api(), device.ordinal());
        kernels = own(new DeviceKernels(device.api(), image, device.compute().handle()));
        programs = own(new FoldPrograms(device, host, 4096, DeviceMask.NONE));
    }

    /** Closes a resource with the rig. */
    public <T extends AutoCloseable> T own(T resource) {
        owned.push(resource);
        return resource;
    }

    /** The device. */
    public CudaDevice device() {
        return device;
    }

    /** Its kernels. */
    public DeviceKernels kernels() {
        return kernels;
    }

    FoldPrograms programs() {
        return programs;
    }

    /** Device memory that holds some bytes. */
    Place bytes(byte[] bytes) {
        Place place = new Place(bytes.length);
        place.write(bytes);
        return place;
    }

    /** Device memory that holds some values in a type. */
    public Place values(DType type, float... values) {
        return bytes(pack(type, values));
    }

    Place ints(int... values) {
        byte[] bytes = new byte[values.length * Integer.BYTES];
        MemorySegment.ofArray(bytes).copyFrom(MemorySegment.ofArray(values));
        return bytes(bytes);
    }

    /** Pinned host memory. */
    public HostMemory host() {
        return host;
    }

    /** Device memory full of NaN. */
    Place poisoned(long sizeBytes) {
        byte[] bytes = new byte[Math.toIntExact(sizeBytes)];
        Arrays.fill(bytes, (byte) 0xFF);
        return bytes(bytes);
    }

    static byte[] pack(DType type, float... values) {
        byte[] bytes = new byte[values.length * type.sizeBytes()];
        new StorageCodec(Math.max(1, values.length))
                .store(MemorySegment.ofArray(bytes), 0, type, values, 0, values.length);
        return bytes;
    }

    static float[] unpack(DType type, byte[] bytes) {
        float[] values = new float[bytes.length / type.sizeBytes()];
        new StorageCodec(Math.max(1, values.length))
                .load(MemorySegment.ofArray(bytes), 0, type, values, 0, values.length);
        return values;
    }

    /** The same values as a type holds them. */
    public static float[] rounded(DType type, float... values) {
        return unpack(type, pack(type, values));
    }

    /** Memory on the device, and as much on the host to reach it through. */
    public final class Place {
        private final DeviceBuffer buffer;
        private final HostSlab staging;

        private Place(long sizeBytes) {
            buffer = own(device.allocate("a test's", Math.max(1, sizeBytes)));
            staging = own(host.allocatePinned("a test's", Math.max(1, sizeBytes)));
        }

        /** Where it begins. */
        public long address() {
            return buffer.address();
        }

        private void write(byte[] bytes) {
            MemorySegment.copy(bytes, 0, staging.segment(), ValueLayout.JAVA_BYTE, 0, bytes.length);
            if (bytes.length > 0) {
                device.compute().copyH2D(part(bytes.length), buffer, 0);
                device.compute().synchronize();
            }
        }

        byte[] read(long sizeBytes) {
            device.compute().copyD2H(buffer, 0, part(sizeBytes));
            device.compute().synchronize();
            return part(sizeBytes).toArray(ValueLayout.JAVA_BYTE);
        }

        byte[] read() {
            return read(buffer.sizeBytes());
        }

        /** What it holds now. */
        public float[] read(DType type) {
            return unpack(type, read());
        }

        private MemorySegment part(long sizeBytes) {
            return staging.segment().asSlice(0, sizeBytes);
        }
    }

    @Override
    public void close() {
        try {
            while (!owned.isEmpty()) {
                owned.pop().close();
            }
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }
}
