package io.millrace.telemetry;

/** The five things that a step keeps busy, in the order in which a block passes through them. */
public enum Lane {
    /** NVMe to host memory. */
    NVME_READ("nvme-read"),
    /** Host to device memory. */
    H2D("h2d"),
    /** Operators on the device. */
    COMPUTE("compute"),
    /** Device to host memory. */
    D2H("d2h"),
    /** Host memory to NVMe. */
    NVME_WRITE("nvme-write");

    private final String label;

    Lane(String label) {
        this.label = label;
    }

    /** The name that files and reports show, such as {@code nvme-read}. */
    public String label() {
        return label;
    }

    /** The lane's place in arrays and span tokens, which live no longer than a run. */
    @SuppressWarnings("EnumOrdinal") // never stored, so a change of the order breaks nothing
    public int index() {
        return ordinal();
    }
}
