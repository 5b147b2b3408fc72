package io.millrace.memory.cuda;

/** Numbers of {@code CUdevice_attribute} in cuda.h. */
public final class CudaAttribute {
    /** Largest x of a block. */
    public static final int MAX_THREADS_PER_BLOCK = 1;

    /** Threads of a warp. */
    public static final int WARP_SIZE = 10;

    /** Streaming multiprocessors. */
    public static final int MULTIPROCESSOR_COUNT = 16;

    /** Bus of its PCI address. */
    public static final int PCI_BUS_ID = 33;

    /** Device of its PCI address. */
    public static final int PCI_DEVICE_ID = 34;

    /** Engines that copy beside kernels: 2 copy both ways at once. */
    public static final int ASYNC_ENGINE_COUNT = 40;

    /** Domain of its PCI address. */
    public static final int PCI_DOMAIN_ID = 50;

    /** Digits before the point of the compute capability. */
    public static final int COMPUTE_CAPABILITY_MAJOR = 75;

    /** Digits after the point of the compute capability. */
    public static final int COMPUTE_CAPABILITY_MINOR = 76;

    /** Shared memory that a block may opt in to, in bytes. */
    public static final int MAX_SHARED_MEMORY_PER_BLOCK_OPTIN = 97;

    /** Whether addresses can be reserved and mapped. */
    public static final int VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED = 102;

    private CudaAttribute() {}
}
