package io.millrace.memory.cuda;

import io.millrace.memory.NativeCallException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A CUDA driver without a GPU: it executes what it is handed on host memory and on threads, a
 * thread a stream, and records every call. It is stricter than a driver: contents of new memory are
 * poisoned, a copy or a kernel that leaves its allocation fails the device, and so does a copy from
 * host memory that is not registered (unless the options take it). As in the driver, a failed
 * device refuses every later call.
 *
 * <p>It knows kernels by a {@link KernelLibrary}; what a CUDA library would put on a stream, a test
 * puts there with {@link #enqueue}.
 */
public final class HostCuda implements CudaApi, AutoCloseable {
    private static final ScopedValue<Boolean> IN_CALLBACK = ScopedValue.newInstance();

    private record Function(String name, KernelLibrary.Kernel kernel) {}

    private record Failure(HostCall call, Throwable fault) {}

    private final KernelLibrary kernels;
    private final HostCudaOptions options;
    private final List<HostDeviceMemory> memories = new ArrayList<>();
    private final int[] retained;
    private final Map<Long, HostCudaStream> streams = new ConcurrentHashMap<>();
    private final Map<Long, HostCudaEvent> events = new ConcurrentHashMap<>();
    private final Map<Long, byte[]> modules = new ConcurrentHashMap<>();
    private final Map<Long, Function> functions = new ConcurrentHashMap<>();
    private final ThreadLocal<Long> context = ThreadLocal.withInitial(() -> 0L);
    private final AtomicLong handles = new AtomicLong(1000);
    private final List<HostCall> calls = new ArrayList<>();
    private final long bornNs = System.nanoTime();
    private volatile Failure failure;

    /** A driver with no kernels and the default options. */
    public HostCuda() {
        this(HostCudaOptions.defaults(), (image, name) -> null);
    }

    /** A driver. */
    public HostCuda(HostCudaOptions options, KernelLibrary kernels) {
        this.options = options;
        this.kernels = kernels;
        retained = new int[options.devices()];
        for (int i = 0; i < options.devices(); i++) {
            memories.add(new HostDeviceMemory(options));
        }
    }

    /**
     * Lets {@link CudaDriver#load}, and so every device that is opened by name, answer this one
     * until the answer is closed.
     */
    public AutoCloseable install() {
        return CudaDriver.replace(this);
    }

    /** Every call so far, in order. */
    public List<HostCall> calls() {
        synchronized (calls) {
            return List.copyOf(calls);
        }
    }

    /** The calls of one name, in order. */
    public List<HostCall> calls(String name) {
        return calls().stream().filter(call -> call.name().equals(name)).toList();
    }

    /** Forgets the calls so far: what follows is the steady state, say. */
    public void clearCalls() {
        synchronized (calls) {
            calls.clear();
        }
    }

    /**
     * Puts work on a stream, as the calls of a CUDA library do.
     *
     * @param name what {@link HostCall#name} says
     * @param work runs on the stream's thread; what it throws fails the device
     */
    public void enqueue(long stream, String name, Runnable work) {
        HostCall call = note(name, stream, 0, 0, "");
        stream(stream, name).enqueue(call, work::run);
    }

    /** Device memory of the calling thread's device, as host memory. */
    public MemorySegment deviceMemory(long address, long sizeBytes) {
        return memory("deviceMemory").at(address, sizeBytes);
    }

    /** The first fault of any work; null where there is none. */
    public Throwable fault() {
        Failure failed = failure;
        return failed == null ? null : failed.fault;
    }

    /** Fails, naming it, where something was not freed, destroyed or released. */
    public void requireNothingLeft() {
        List<String> left = new ArrayList<>();
        memories.forEach(memory -> left.addAll(memory.leftovers()));
        Map.of("streams", streams, "events", events, "modules", modules)
                .forEach((kind, held) -> held.keySet().forEach(one -> left.add(kind + " " + one)));
        for (int held : retained) {
            left.addAll(Collections.nCopies(held, "a context"));
        }
        if (!left.isEmpty()) {
            throw new AssertionError("still held: " + String.join(", ", left));
        }
    }

    /** Ends the threads of streams that nobody destroyed. */
    @Override
    public void close() {
        streams.values().forEach(HostCudaStream::end);
        streams.clear();
    }

    synchronized void fail(HostCall call, Throwable fault) {
        if (failure == null) {
            failure = new Failure(call, fault);
        }
    }

    private long newHandle() {
        return handles.addAndGet(16);
    }

    private HostCall note(String name, long stream, long object, long sizeBytes, String text) {
        if (IN_CALLBACK.isBound()) {
            throw new NativeCallException(name + "()", 800, "CUDA_ERROR_NOT_PERMITTED");
        }
        requireSound(name);
        HostCall call = new HostCall(name, stream, object, sizeBytes, text);
        synchronized (calls) {
            calls.add(call);
        }
        return call;
    }

    private HostDeviceMemory memory(String call) {
        long current = context.get();
        if (current == 0 || retained[(int) current - 1] == 0) {
            throw new NativeCallException(call + "()", 201, "CUDA_ERROR_INVALID_CONTEXT");
        }
        return memories.get((int) current - 1);
    }

    private static <T> T known(Map<Long, T> things, long handle, String call) {
        T found = things.get(handle);
        if (found == null) {
            throw new NativeCallException(
                    call + "(" + handle + ")", 400, "CUDA_ERROR_INVALID_HANDLE");
        }
        return found;
    }

    private HostCudaStream stream(long handle, String call) {
        memory(call);
        return known(streams, handle, call);
    }

    private HostDeviceMemory memoryOf(int device, String call) {
        if (device < 0 || device >= memories.size()) {
            throw new NativeCallException(
                    call + "(" + device + ")", 101, "CUDA_ERROR_INVALID_DEVICE");
        }
        return memories.get(device);
    }

    @Override
    public int deviceCount() {
        return memories.size();
    }

    @Override
    public String deviceName(int device) {
        memoryOf(device, "cuDeviceGetName");
        return "Host CUDA " + device;
    }

    @Override
    public long deviceMemoryBytes(int device) {
        memoryOf(device, "cuDeviceTotalMem");
        return options.memoryBytes();
    }

    @Override
    public int attribute(int device, int attribute) {
        memoryOf(device, "cuDeviceGetAttribute");
        return options.attribute(attribute);
    }

    @Override
    public int driverVersion() {
        return 13010;
    }

    @Override
    public NvmlAnswer management(int device) {
        return options.nvml();
    }

    @Override
    public synchronized long retainContext(int device) {
        memoryOf(device, "cuDevicePrimaryCtxRetain");
        note("cuDevicePrimaryCtxRetain", 0, 0, 0, "");
        retained[device]++;
        return device + 1L;
    }

    @Override
    public synchronized void releaseContext(int device) {
        if (retained[device]-- < 1) {
            throw new NativeCallException(
                    "cuDevicePrimaryCtxRelease(" + device + ")", 201, "CUDA_ERROR_INVALID_CONTEXT");
        }
    }

    @Override
    public void makeCurrent(long newContext) {
        if (IN_CALLBACK.isBound()) {
            throw new NativeCallException("cuCtxSetCurrent()", 800, "CUDA_ERROR_NOT_PERMITTED");
        }
        context.set(newContext);
    }

    @Override
    public long freeMemoryBytes() {
        note("cuMemGetInfo", 0, 0, 0, "");
        return memory("cuMemGetInfo").freeBytes();
    }

    @Override
    public long memAlloc(long sizeBytes) {
        note("cuMemAlloc", 0, 0, sizeBytes, "");
        return memory("cuMemAlloc").allocate(sizeBytes);
    }

    @Override // what frees works on a failed device too, so that a test can close what it opened
    public void memFree(long address) {
        memory("cuMemFree").free(address);
    }

    @Override
    public long reserveAddresses(long sizeBytes) {
        note("cuMemAddressReserve", 0, 0, sizeBytes, "");
        return memory("cuMemAddressReserve").reserve(sizeBytes);
    }

    @Override
    public void freeAddresses(long address, long sizeBytes) {
        memory("cuMemAddressFree").freeReserved(address, sizeBytes);
    }

    @Override
    public long mapGranularityBytes(int device) {
        return HostDeviceMemory.GRANULARITY_BYTES;
    }

    @Override
    public void map(int device, long address, long sizeBytes) {
        note("cuMemMap", 0, address, sizeBytes, "");
        memoryOf(device, "cuMemMap").map(address, sizeBytes);
    }

    @Override
    public void unmap(long address, long sizeBytes) {
        memory("cuMemUnmap").unmap(address, sizeBytes);
    }

    @Override
    public void registerHost(MemorySegment pages) {
        note("cuMemHostRegister", 0, pages.address(), pages.byteSize(), "");
        memory("cuMemHostRegister").register(pages);
    }

    @Override
    public void unregisterHost(MemorySegment pages) {
        memory("cuMemHostUnregister").unregister(pages);
    }

    @Override
    public long createStream() {
        memory("cuStreamCreate");
        long handle = newHandle();
        note("cuStreamCreate", handle, 0, 0, "");
        long seed = options.delaySeed() + handle;
        streams.put(handle, new HostCudaStream(this, handle, seed, options.longestDelayNs()));
        return handle;
    }

    @Override
    public void destroyStream(long stream) {
        stream(stream, "cuStreamDestroy").end();
        streams.remove(stream);
    }

    @Override
    public void synchronizeStream(long stream) {
        note("cuStreamSynchronize", stream, 0, 0, "");
        stream(stream, "cuStreamSynchronize").awaitEmpty();
        requireSound("cuStreamSynchronize");
    }

    private void requireSound(String call) {
        Failure failed = failure;
        if (failed != null) {
            String why = failed.call + ": " + failed.fault;
            throw new NativeCallException(call + "()", 719, "CUDA_ERROR_LAUNCH_FAILED: " + why);
        }
    }

    @Override
    public void streamWaitEvent(long stream, long event) {
        HostCudaEvent awaited = known(events, event, "cuStreamWaitEvent");
        long ticket = awaited.lastAsked();
        HostCall call = note("cuStreamWaitEvent", stream, event, 0, "");
        stream(stream, "cuStreamWaitEvent").enqueue(call, () -> awaited.await(ticket, this));
    }

    @Override
    public void launchHostFunction(long stream, Runnable work) {
        HostCall call = note("cuLaunchHostFunc", stream, 0, 0, "");
        stream(stream, "cuLaunchHostFunc")
                .enqueue(call, () -> ScopedValue.where(IN_CALLBACK, true).run(work));
    }

    @Override
    public void copyHtoD(long targetAddress, MemorySegment source, long stream) {
        HostDeviceMemory memory = memory("cuMemcpyHtoDAsync");
        memory.requireHost(source, "cuMemcpyHtoDAsync");
        HostCall call = note("cuMemcpyHtoDAsync", stream, targetAddress, source.byteSize(), "");
        stream(stream, "cuMemcpyHtoDAsync")
                .enqueue(call, () -> memory.at(targetAddress, source.byteSize()).copyFrom(source));
    }

    @Override
    public void copyDtoH(MemorySegment target, long sourceAddress, long stream) {
        HostDeviceMemory memory = memory("cuMemcpyDtoHAsync");
        memory.requireHost(target, "cuMemcpyDtoHAsync");
        HostCall call = note("cuMemcpyDtoHAsync", stream, sourceAddress, target.byteSize(), "");
        stream(stream, "cuMemcpyDtoHAsync")
                .enqueue(call, () -> target.copyFrom(memory.at(sourceAddress, target.byteSize())));
    }

    @Override
    public void copyDtoD(long targetAddress, long sourceAddress, long sizeBytes, long stream) {
        HostDeviceMemory memory = memory("cuMemcpyDtoDAsync");
        HostCall call = note("cuMemcpyDtoDAsync", stream, targetAddress, sizeBytes, "");
        stream(stream, "cuMemcpyDtoDAsync")
                .enqueue(
                        call,
                        () ->
                                memory.at(targetAddress, sizeBytes)
                                        .copyFrom(memory.at(sourceAddress, sizeBytes)));
    }

    @Override
    public void fill(long address, byte value, long sizeBytes, long stream) {
        HostDeviceMemory memory = memory("cuMemsetD8Async");
        HostCall call = note("cuMemsetD8Async", stream, address, sizeBytes, "");
        stream(stream, "cuMemsetD8Async")
                .enqueue(call, () -> memory.at(address, sizeBytes).fill(value));
    }

    @Override
    public long createEvent(boolean timing) {
        memory("cuEventCreate");
        long handle = newHandle();
        note("cuEventCreate", 0, handle, 0, "");
        events.put(handle, new HostCudaEvent(timing));
        return handle;
    }

    @Override
    public void destroyEvent(long event) {
        known(events, event, "cuEventDestroy");
        events.remove(event);
    }

    @Override
    public void recordEvent(long event, long stream) {
        HostCudaEvent recorded = known(events, event, "cuEventRecord");
        HostCudaStream on = stream(stream, "cuEventRecord");
        HostCall call = note("cuEventRecord", stream, event, 0, "");
        long ticket = recorded.ask();
        on.enqueue(call, () -> recorded.happen(ticket, deviceNs()));
    }

    private long deviceNs() {
        return (long) ((System.nanoTime() - bornNs) * (1 + options.clockSkew()));
    }

    @Override
    public boolean isEventDone(long event) {
        HostCudaEvent asked = known(events, event, "cuEventQuery");
        requireSound("cuEventQuery");
        return asked.isDone();
    }

    @Override
    public void synchronizeEvent(long event) {
        HostCudaEvent awaited = known(events, event, "cuEventSynchronize");
        note("cuEventSynchronize", 0, event, 0, "");
        try {
            awaited.await(awaited.lastAsked(), this);
        } catch (InterruptedException e) {
            throw new IllegalStateException("interrupted within a driver call", e);
        }
        requireSound("cuEventSynchronize");
    }

    @Override
    public float elapsedMs(long startEvent, long endEvent) {
        HostCudaEvent start = known(events, startEvent, "cuEventElapsedTime");
        return start.elapsedMs(known(events, endEvent, "cuEventElapsedTime"));
    }

    @Override
    public long loadModule(byte[] image) {
        memory("cuModuleLoadData");
        note("cuModuleLoadData", 0, 0, image.length, "");
        long handle = newHandle();
        modules.put(handle, image.clone());
        return handle;
    }

    @Override
    public void unloadModule(long module) {
        known(modules, module, "cuModuleUnload");
        modules.remove(module);
    }

    @Override
    public long function(long module, String name) {
        KernelLibrary.Kernel kernel =
                kernels.find(known(modules, module, "cuModuleGetFunction"), name);
        if (kernel == null) {
            throw new NativeCallException(
                    "cuModuleGetFunction(" + name + ")", 500, "CUDA_ERROR_NOT_FOUND");
        }
        long handle = newHandle();
        functions.put(handle, new Function(name, kernel));
        return handle;
    }

    @Override
    public void setMaxDynamicSharedBytes(long function, int sizeBytes) {
        known(functions, function, "cuFuncSetAttribute");
        if (sizeBytes > HostCudaOptions.SHARED_BYTES) {
            throw new NativeCallException(
                    "cuFuncSetAttribute(" + sizeBytes + ")", 1, "CUDA_ERROR_INVALID_VALUE");
        }
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
        HostDeviceMemory memory = memory("cuLaunchKernel");
        Function kernel = known(functions, function, "cuLaunchKernel");
        KernelLibrary.Launch launch =
                KernelLibrary.Launch.of(
                        new int[] {gridX, gridY, gridZ},
                        new int[] {blockX, blockY, blockZ},
                        sharedBytes,
                        arguments,
                        memory);
        launch.requireShape(kernel.name);
        HostCall call = note("cuLaunchKernel", stream, function, 0, kernel.name);
        stream(stream, "cuLaunchKernel")
                .enqueue(
                        call,
                        () -> {
                            kernel.kernel.run(launch);
                            memory.requireCanaries();
                        });
    }
}
