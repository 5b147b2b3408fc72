package io.millrace.memory.device;

/** The kinds of device. A new one is a line here, in {@link Devices}, and where engines are. */
public enum DeviceKind {
    /** The processor, on host memory. */
    CPU("cpu", true, true, false),

    /** The processor, on memory of its own that stands for a card's. */
    EMULATED("emulated", true, false, false),

    /** NVIDIA's cards, counted from 0. */
    CUDA("cuda", false, false, true);

    private final String id;
    private final boolean onHostCores;
    private final boolean unifiedMemory;
    private final boolean numbered;

    DeviceKind(String id, boolean onHostCores, boolean unifiedMemory, boolean numbered) {
        this.id = id;
        this.onHostCores = onHostCores;
        this.unifiedMemory = unifiedMemory;
        this.numbered = numbered;
    }

    /** What names begin with. */
    public String id() {
        return id;
    }

    /** What {@code --device} takes. */
    public String option() {
        return numbered ? id + ":N" : id;
    }

    /** Whether it computes on the host's cores, which the lanes share with it. */
    public boolean onHostCores() {
        return onHostCores;
    }

    /** Whether it computes on host memory, so that nothing is copied to it. */
    public boolean unifiedMemory() {
        return unifiedMemory;
    }

    /** Whether there may be several, told apart by a number. */
    public boolean isNumbered() {
        return numbered;
    }

    /** The kind whose arithmetic it has: losses, and so a run's bytes, are the same on both. */
    public DeviceKind arithmetic() {
        return onHostCores ? CPU : this;
    }
}
