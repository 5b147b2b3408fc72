package io.millrace.memory.cuda;

import io.millrace.memory.NativeCallException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.bytedeco.cuda.cudart.CUhostFn;
import org.bytedeco.cuda.cudart.CUmemAccessDesc_v1;
import org.bytedeco.cuda.cudart.CUmemAllocationProp_v1;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacpp.SizeTPointer;

/** The driver itself, by Bytedeco's presets, which link to it when this class is initialised. */
final class DriverCalls implements CudaApi {
    // Of cuda.h.
    private static final int SUCCESS = 0;
    private static final int ERROR_NOT_READY = 600;
    private static final int STREAM_NON_BLOCKING = 0x1;
    private static final int EVENT_BLOCKING_SYNC = 0x1;
    private static final int EVENT_DISABLE_TIMING = 0x2;
    private static final int MEMHOSTREGISTER_PORTABLE = 0x1;
    private static final int MEM_ALLOCATION_TYPE_PINNED = 1;
    private static final int MEM_LOCATION_TYPE_DEVICE = 1;
    private static final int MEM_ACCESS_FLAGS_PROT_READWRITE = 3;
    private static final int MEM_ALLOC_GRANULARITY_MINIMUM = 0;
    private static final int FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8;

    private final ThreadLocal<DriverHandles> handles = ThreadLocal.withInitial(DriverHandles::new);
    private final Map<Long, Runnable> hostWork = new ConcurrentHashMap<>();
    private final AtomicLong hostTickets = new AtomicLong();
    private final HostCallback hostCallback = new HostCallback();

    /** What the driver calls on its own thread; one for all, told apart by the ticket. */
    private final class HostCallback extends CUhostFn {
        @Override
        public void call(Pointer ticket) {
            hostWork.remove(ticket.address()).run();
        }
    }

    DriverCalls() {
        int code = cudart.cuInit(0);
        check(code, code == SUCCESS ? "" : "cuInit(0)");
    }

    private static void check(int code, String call) {
        if (code != SUCCESS) {
            throw failure(code, call);
        }
    }

    /** Built where a call has failed, so that a call that has not makes no text. */
    private static NativeCallException failure(int code, String call) {
        return new NativeCallException(call, code, describe(code));
    }

    private static String describe(int code) {
        try (PointerPointer<BytePointer> text = new PointerPointer<>(1)) {
            if (cudart.cuGetErrorName(code, text) != SUCCESS) {
                return "an error that the driver has no name for";
            }
            String name = text.get(BytePointer.class, 0).getString();
            cudart.cuGetErrorString(code, text);
            return name + ", " + text.get(BytePointer.class, 0).getString();
        }
    }

    private static String hex(long value) {
        return "0x" + Long.toHexString(value);
    }

    @Override
    public int deviceCount() {
        int[] count = new int[1];
        check(cudart.cuDeviceGetCount(count), "cuDeviceGetCount()");
        return count[0];
    }

    @Override
    public String deviceName(int device) {
        byte[] name = new byte[256];
        check(cudart.cuDeviceGetName(name, name.length, device), "cuDeviceGetName(" + device + ")");
        int length = 0;
        while (name[length] != 0) {
            length++;
        }
        return new String(name, 0, length, StandardCharsets.UTF_8);
    }

    @Override
    public long deviceMemoryBytes(int device) {
        try (SizeTPointer bytes = new SizeTPointer(1)) {
            check(cudart.cuDeviceTotalMem(bytes, device), "cuDeviceTotalMem(" + device + ")");
            return bytes.get();
        }
    }

    @Override
    public int attribute(int device, int attribute) {
        int[] value = new int[1];
        check(
                cudart.cuDeviceGetAttribute(value, attribute, device),
                "cuDeviceGetAttribute(" + attribute + ", " + device + ")");
        return value[0];
    }

    @Override
    public int driverVersion() {
        int[] version = new int[1];
        check(cudart.cuDriverGetVersion(version), "cuDriverGetVersion()");
        return version[0];
    }

    @Override
    public NvmlAnswer management(int device) {
        String pciBusId =
                String.format(
                        Locale.ROOT,
                        "%08x:%02x:%02x.0",
                        attribute(device, CudaAttribute.PCI_DOMAIN_ID),
                        attribute(device, CudaAttribute.PCI_BUS_ID),
                        attribute(device, CudaAttribute.PCI_DEVICE_ID));
        return CudaLibraries.ofMachine().management(() -> NvmlCalls.read(pciBusId));
    }

    @Override
    public long retainContext(int device) {
        DriverHandles.Context context = new DriverHandles.Context();
        check(
                cudart.cuDevicePrimaryCtxRetain(context, device),
                "cuDevicePrimaryCtxRetain(" + device + ")");
        return context.address();
    }

    @Override
    public void releaseContext(int device) {
        check(
                cudart.cuDevicePrimaryCtxRelease(device),
                "cuDevicePrimaryCtxRelease(" + device + ")");
    }

    @Override
    public void makeCurrent(long context) {
        int code = cudart.cuCtxSetCurrent(handles.get().context.at(context));
        if (code != SUCCESS) {
            throw failure(code, "cuCtxSetCurrent(" + hex(context) + ")");
        }
    }

    @Override
    public long freeMemoryBytes() {
        try (SizeTPointer free = new SizeTPointer(1);
                SizeTPointer total = new SizeTPointer(1)) {
            check(cudart.cuMemGetInfo(free, total), "cuMemGetInfo()");
            return free.get();
        }
    }

    @Override
    public long memAlloc(long sizeBytes) {
        long[] address = new long[1];
        check(cudart.cuMemAlloc(address, sizeBytes), "cuMemAlloc(" + sizeBytes + ")");
        return address[0];
    }

    @Override
    public void memFree(long address) {
        check(cudart.cuMemFree(address), "cuMemFree(" + hex(address) + ")");
    }

    @Override
    public long reserveAddresses(long sizeBytes) {
        long[] address = new long[1];
        check(
                cudart.cuMemAddressReserve(address, sizeBytes, 0, 0, 0),
                "cuMemAddressReserve(" + sizeBytes + ")");
        return address[0];
    }

    @Override
    public void freeAddresses(long address, long sizeBytes) {
        check(
                cudart.cuMemAddressFree(address, sizeBytes),
                "cuMemAddressFree(" + hex(address) + ", " + sizeBytes + ")");
    }

    private static CUmemAllocationProp_v1 onDevice(int device) {
        CUmemAllocationProp_v1 properties = new CUmemAllocationProp_v1();
        Pointer.memset(properties, 0, properties.sizeof());
        properties.type(MEM_ALLOCATION_TYPE_PINNED);
        properties.location().type(MEM_LOCATION_TYPE_DEVICE).id(device);
        return properties;
    }

    @Override
    public long mapGranularityBytes(int device) {
        try (CUmemAllocationProp_v1 properties = onDevice(device);
                SizeTPointer bytes = new SizeTPointer(1)) {
            check(
                    cudart.cuMemGetAllocationGranularity(
                            bytes, properties, MEM_ALLOC_GRANULARITY_MINIMUM),
                    "cuMemGetAllocationGranularity(" + device + ")");
            return bytes.get();
        }
    }

    @Override
    public void map(int device, long address, long sizeBytes) {
        long[] memory = new long[1];
        try (CUmemAllocationProp_v1 properties = onDevice(device);
                CUmemAccessDesc_v1 access = new CUmemAccessDesc_v1()) {
            check(
                    cudart.cuMemCreate(memory, sizeBytes, properties, 0),
                    "cuMemCreate(" + sizeBytes + ", device " + device + ")");
            try {
                check(
                        cudart.cuMemMap(address, sizeBytes, 0, memory[0], 0),
                        "cuMemMap(" + hex(address) + ", " + sizeBytes + ")");
            } finally {
                // What is mapped keeps the memory; what is not frees it here.
                check(cudart.cuMemRelease(memory[0]), "cuMemRelease(" + hex(memory[0]) + ")");
            }
            access.location().type(MEM_LOCATION_TYPE_DEVICE).id(device);
            access.flags(MEM_ACCESS_FLAGS_PROT_READWRITE);
            try {
                check(
                        cudart.cuMemSetAccess(address, sizeBytes, access, 1),
                        "cuMemSetAccess(" + hex(address) + ", " + sizeBytes + ")");
            } catch (NativeCallException e) {
                unmapAfter(address, sizeBytes, e);
                throw e;
            }
        }
    }

    /** Whoever was told that nothing was mapped will never unmap it. */
    private void unmapAfter(long address, long sizeBytes, NativeCallException failure) {
        try {
            unmap(address, sizeBytes);
        } catch (NativeCallException e) {
            failure.addSuppressed(e);
        }
    }

    @Override
    public void unmap(long address, long sizeBytes) {
        check(
                cudart.cuMemUnmap(address, sizeBytes),
                "cuMemUnmap(" + hex(address) + ", " + sizeBytes + ")");
    }

    @Override
    public void registerHost(MemorySegment pages) {
        check(
                cudart.cuMemHostRegister(
                        handles.get().host.at(pages.address()),
                        pages.byteSize(),
                        MEMHOSTREGISTER_PORTABLE),
                "cuMemHostRegister(" + hex(pages.address()) + ", " + pages.byteSize() + ")");
    }

    @Override
    public void unregisterHost(MemorySegment pages) {
        check(
                cudart.cuMemHostUnregister(handles.get().host.at(pages.address())),
                "cuMemHostUnregister(" + hex(pages.address()) + ")");
    }

    @Override
    public long createStream() {
        DriverHandles.Stream stream = new DriverHandles.Stream();
        check(cudart.cuStreamCreate(stream, STREAM_NON_BLOCKING), "cuStreamCreate()");
        return stream.address();
    }

    @Override
    public void destroyStream(long stream) {
        check(
                cudart.cuStreamDestroy(handles.get().stream.at(stream)),
                "cuStreamDestroy(" + hex(stream) + ")");
    }

    @Override
    public void synchronizeStream(long stream) {
        int code = cudart.cuStreamSynchronize(handles.get().stream.at(stream));
        if (code != SUCCESS) {
            throw failure(code, "cuStreamSynchronize(" + hex(stream) + ")");
        }
    }

    @Override
    public void streamWaitEvent(long stream, long event) {
        DriverHandles mine = handles.get();
        int code = cudart.cuStreamWaitEvent(mine.stream.at(stream), mine.event.at(event), 0);
        if (code != SUCCESS) {
            throw failure(code, "cuStreamWaitEvent(" + hex(stream) + ", " + hex(event) + ")");
        }
    }

    @Override
    public void launchHostFunction(long stream, Runnable work) {
        long ticket = hostTickets.incrementAndGet();
        hostWork.put(ticket, work);
        DriverHandles mine = handles.get();
        int code =
                cudart.cuLaunchHostFunc(mine.stream.at(stream), hostCallback, mine.host.at(ticket));
        if (code != SUCCESS) {
            hostWork.remove(ticket);
            throw failure(code, "cuLaunchHostFunc(" + hex(stream) + ")");
        }
    }

    @Override
    public void copyHtoD(long targetAddress, MemorySegment source, long stream) {
        DriverHandles mine = handles.get();
        int code =
                cudart.cuMemcpyHtoDAsync(
                        targetAddress,
                        mine.host.at(source.address()),
                        source.byteSize(),
                        mine.stream.at(stream));
        if (code != SUCCESS) {
            throw failure(code, copy("HtoD", targetAddress, source.address(), source.byteSize()));
        }
    }

    @Override
    public void copyDtoH(MemorySegment target, long sourceAddress, long stream) {
        DriverHandles mine = handles.get();
        int code =
                cudart.cuMemcpyDtoHAsync(
                        mine.host.at(target.address()),
                        sourceAddress,
                        target.byteSize(),
                        mine.stream.at(stream));
        if (code != SUCCESS) {
            throw failure(code, copy("DtoH", target.address(), sourceAddress, target.byteSize()));
        }
    }

    @Override
    public void copyDtoD(long targetAddress, long sourceAddress, long sizeBytes, long stream) {
        int code =
                cudart.cuMemcpyDtoDAsync(
                        targetAddress, sourceAddress, sizeBytes, handles.get().stream.at(stream));
        if (code != SUCCESS) {
            throw failure(code, copy("DtoD", targetAddress, sourceAddress, sizeBytes));
        }
    }

    private static String copy(String kind, long target, long source, long sizeBytes) {
        return "cuMemcpy"
                + kind
                + "Async("
                + hex(target)
                + ", "
                + hex(source)
                + ", "
                + sizeBytes
                + ")";
    }

    @Override
    public void fill(long address, byte value, long sizeBytes, long stream) {
        int code =
                cudart.cuMemsetD8Async(address, value, sizeBytes, handles.get().stream.at(stream));
        if (code != SUCCESS) {
            throw failure(
                    code,
                    "cuMemsetD8Async(" + hex(address) + ", " + value + ", " + sizeBytes + ")");
        }
    }

    @Override
    public long createEvent(boolean timing) {
        DriverHandles.Event event = new DriverHandles.Event();
        int flags = EVENT_BLOCKING_SYNC | (timing ? 0 : EVENT_DISABLE_TIMING);
        check(cudart.cuEventCreate(event, flags), "cuEventCreate(" + flags + ")");
        return event.address();
    }

    @Override
    public void destroyEvent(long event) {
        check(
                cudart.cuEventDestroy(handles.get().event.at(event)),
                "cuEventDestroy(" + hex(event) + ")");
    }

    @Override
    public void recordEvent(long event, long stream) {
        DriverHandles mine = handles.get();
        int code = cudart.cuEventRecord(mine.event.at(event), mine.stream.at(stream));
        if (code != SUCCESS) {
            throw failure(code, "cuEventRecord(" + hex(event) + ", " + hex(stream) + ")");
        }
    }

    @Override
    public boolean isEventDone(long event) {
        int code = cudart.cuEventQuery(handles.get().event.at(event));
        if (code != SUCCESS && code != ERROR_NOT_READY) {
            throw failure(code, "cuEventQuery(" + hex(event) + ")");
        }
        return code == SUCCESS;
    }

    @Override
    public void synchronizeEvent(long event) {
        int code = cudart.cuEventSynchronize(handles.get().event.at(event));
        if (code != SUCCESS) {
            throw failure(code, "cuEventSynchronize(" + hex(event) + ")");
        }
    }

    @Override
    public float elapsedMs(long startEvent, long endEvent) {
        DriverHandles mine = handles.get();
        int code =
                cudart.cuEventElapsedTime(
                        mine.milliseconds,
                        mine.event.at(startEvent),
                        mine.secondEvent.at(endEvent));
        if (code != SUCCESS) {
            throw failure(
                    code, "cuEventElapsedTime(" + hex(startEvent) + ", " + hex(endEvent) + ")");
        }
        return mine.milliseconds[0];
    }

    @Override
    public long loadModule(byte[] image) {
        DriverHandles.Module module = new DriverHandles.Module();
        try (BytePointer bytes = new BytePointer(image)) {
            check(
                    cudart.cuModuleLoadData(module, bytes),
                    "cuModuleLoadData(" + image.length + " bytes)");
            return module.address();
        }
    }

    @Override
    public void unloadModule(long module) {
        check(
                cudart.cuModuleUnload(new DriverHandles.Module().at(module)),
                "cuModuleUnload(" + hex(module) + ")");
    }

    @Override
    public long function(long module, String name) {
        DriverHandles.Function function = new DriverHandles.Function();
        check(
                cudart.cuModuleGetFunction(function, new DriverHandles.Module().at(module), name),
                "cuModuleGetFunction(" + name + ")");
        return function.address();
    }

    @Override
    public void setMaxDynamicSharedBytes(long function, int sizeBytes) {
        check(
                cudart.cuFuncSetAttribute(
                        handles.get().function.at(function),
                        FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                        sizeBytes),
                "cuFuncSetAttribute(" + hex(function) + ", shared memory of " + sizeBytes + ")");
    }

    @Override
    public void launchKernel(
            long function,
            int gridX,
            int gridY,
            int gridZ,
            int blockX,
            int blockY,
            int blockZ,
            int sharedBytes,
            long stream,
            KernelArguments arguments) {
        DriverHandles mine = handles.get();
        int code =
                cudart.cuLaunchKernel(
                        mine.function.at(function),
                        gridX,
                        gridY,
                        gridZ,
                        blockX,
                        blockY,
                        blockZ,
                        sharedBytes,
                        mine.stream.at(stream),
                        (PointerPointer<Pointer>) null,
                        mine.launchExtra(arguments.buffer(), arguments.sizeBytes()));
        if (code != SUCCESS) {
            throw failure(
                    code,
                    String.format(
                            "cuLaunchKernel(0x%x, %d x %d x %d, %d x %d x %d, %d)",
                            function, gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes));
        }
    }
}
