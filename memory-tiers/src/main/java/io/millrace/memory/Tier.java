package io.millrace.memory;

import java.util.Locale;

/** Where bytes lie. */
public enum Tier {
    /** Files of the block store. */
    NVME,
    /** Page-aligned host memory. */
    HOST,
    /** Memory of the device that computes; on a CPU device it is host memory and counts there. */
    DEVICE;

    /** The name in messages and reports. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
