package io.millrace.memory.cuda;

import java.lang.foreign.MemorySegment;

/**
 * Every call to the CUDA driver that Millrace makes, with the driver's own meaning; contexts,
 * streams, events, modules and functions are the driver's handles, and device memory is an address.
 * Each call but {@link #deviceCount} to {@link #driverVersion} works in the context that {@link
 * #makeCurrent} set for the calling thread. Safe for use from any thread.
 *
 * <p>A call that the driver refuses throws {@link io.millrace.memory.NativeCallException} with the
 * call, its operands and the driver's own name for the error. As in the driver, an error of earlier
 * asynchronous work may show at a later call.
 */
public interface CudaApi {
    /** {@code cuDeviceGetCount}: devices that can be opened. */
    int deviceCount();

    /** {@code cuDeviceGetName}, such as {@code NVIDIA H100 80GB HBM3}. */
    String deviceName(int device);

    /** {@code cuDeviceTotalMem}: bytes of its memory. */
    long deviceMemoryBytes(int device);

    /** {@code cuDeviceGetAttribute}; the numbers are in {@link CudaAttribute}. */
    int attribute(int device, int attribute);

    /** {@code cuDriverGetVersion}: 13010 is CUDA 13.1. */
    int driverVersion();

    /**
     * What NVML, the driver's management library, tells of a device, or why it does not. Never
     * fails: a run needs none of it.
     */
    default NvmlAnswer management(int device) {
        return NvmlAnswer.refused("this driver has none");
    }

    /** {@code cuDevicePrimaryCtxRetain}: the context that the CUDA libraries use too. */
    long retainContext(int device);

    /** {@code cuDevicePrimaryCtxRelease}: once for each {@link #retainContext}. */
    void releaseContext(int device);

    /** {@code cuCtxSetCurrent}: the context of the calling thread from here on. */
    void makeCurrent(long context);

    /** {@code cuMemGetInfo}: bytes of the device's memory that are free. */
    long freeMemoryBytes();

    /** {@code cuMemAlloc}: at least 256-byte aligned, with any contents. */
    long memAlloc(long sizeBytes);

    /** {@code cuMemFree}. */
    void memFree(long address);

    /** {@code cuMemAddressReserve}: addresses without memory behind them. */
    long reserveAddresses(long sizeBytes);

    /** {@code cuMemAddressFree}, after all of it was unmapped. */
    void freeAddresses(long address, long sizeBytes);

    /** {@code cuMemGetAllocationGranularity}: what mapped sizes and places are multiples of. */
    long mapGranularityBytes(int device);

    /**
     * {@code cuMemCreate}, {@code cuMemMap}, {@code cuMemSetAccess} and {@code cuMemRelease}: puts
     * memory, with any contents, behind reserved addresses.
     */
    void map(int device, long address, long sizeBytes);

    /** {@code cuMemUnmap}: frees the memory behind addresses; all that were mapped in one call. */
    void unmap(long address, long sizeBytes);

    /** {@code cuMemHostRegister}: pins host pages, so that copies to and from them do not stage. */
    void registerHost(MemorySegment pages);

    /** {@code cuMemHostUnregister}. */
    void unregisterHost(MemorySegment pages);

    /** {@code cuStreamCreate} with {@code CU_STREAM_NON_BLOCKING}. */
    long createStream();

    /** {@code cuStreamDestroy}: what it was handed is still done. */
    void destroyStream(long stream);

    /** {@code cuStreamSynchronize}; not within a step. */
    void synchronizeStream(long stream);

    /** {@code cuStreamWaitEvent}: lets the stream wait for the event's last record. */
    void streamWaitEvent(long stream, long event);

    /** {@code cuLaunchHostFunc}: runs on a thread of the driver; it may make no CUDA calls. */
    void launchHostFunction(long stream, Runnable work);

    /** {@code cuMemcpyHtoDAsync}: all of a host segment; truly asynchronous from pinned memory. */
    void copyHtoD(long targetAddress, MemorySegment source, long stream);

    /** {@code cuMemcpyDtoHAsync}: as many bytes as the host segment has. */
    void copyDtoH(MemorySegment target, long sourceAddress, long stream);

    /** {@code cuMemcpyDtoDAsync}. */
    void copyDtoD(long targetAddress, long sourceAddress, long sizeBytes, long stream);

    /** {@code cuMemsetD8Async}. */
    void fill(long address, byte value, long sizeBytes, long stream);

    /**
     * {@code cuEventCreate} with {@code CU_EVENT_BLOCKING_SYNC}, so that who waits for it does not
     * spin; with {@code CU_EVENT_DISABLE_TIMING} too where no time is asked of it.
     */
    long createEvent(boolean timing);

    /** {@code cuEventDestroy}. */
    void destroyEvent(long event);

    /** {@code cuEventRecord}. */
    void recordEvent(long event, long stream);

    /** {@code cuEventQuery}: whether its last record has happened; true where there is none. */
    boolean isEventDone(long event);

    /** {@code cuEventSynchronize}: waits for the last record. */
    void synchronizeEvent(long event);

    /** {@code cuEventElapsedTime}: milliseconds, to about half a microsecond. */
    float elapsedMs(long startEvent, long endEvent);

    /**
     * {@code cuModuleLoadData}.
     *
     * @param image a cubin, a fat binary, or PTX that ends with a zero byte
     */
    long loadModule(byte[] image);

    /** {@code cuModuleUnload}. */
    void unloadModule(long module);

    /** {@code cuModuleGetFunction}: by the name in the image, as {@code extern "C"} gives it. */
    long function(long module, String name);

    /** {@code cuFuncSetAttribute} of {@code MAX_DYNAMIC_SHARED_SIZE_BYTES}: above 48 KiB. */
    void setMaxDynamicSharedBytes(long function, int sizeBytes);

    /**
     * {@code cuLaunchKernel}.
     *
     * @param arguments read before the call returns
     */
    void launchKernel(
            long function,
            int gridX,
            int gridY,
            int gridZ,
            int blockX,
            int blockY,
            int blockZ,
            int sharedBytes,
            long stream,
            KernelArguments arguments);
}
