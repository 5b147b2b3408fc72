package io.millrace.memory.nvme.io;

/** What a drive can do wrong. */
public enum Fault {
    /** A read fails with EIO. */
    READ_ERROR("read-error"),
    /** A write fails with EIO. */
    WRITE_ERROR("write-error"),
    /** A write fails with ENOSPC. */
    FULL("full"),
    /** A read or write moves fewer bytes than asked for. */
    SHORT("short"),
    /** A read comes back with one bit changed. */
    BIT_FLIP("bit-flip"),
    /** A sync fails with EIO. */
    SYNC_ERROR("sync-error");

    private final String label;

    Fault(String label) {
        this.label = label;
    }

    /** The name where a run is told of it. */
    public String label() {
        return label;
    }
}
