package io.millrace.memory.cuda;

/** One call that a {@link HostCuda} took, in the order of the calls. */
public final class HostCall {
    private final String name;
    private final long stream;
    private final long object;
    private final long sizeBytes;
    private final String text;
    private volatile long beganNs;
    private volatile long endedNs;

    HostCall(String name, long stream, long object, long sizeBytes, String text) {
        this.name = name;
        this.stream = stream;
        this.object = object;
        this.sizeBytes = sizeBytes;
        this.text = text;
    }

    void began(long nowNs) {
        beganNs = nowNs;
    }

    void ended(long nowNs) {
        endedNs = nowNs;
    }

    /** The driver's name of the call, such as {@code cuMemcpyHtoDAsync}. */
    public String name() {
        return name;
    }

    /** The stream that it went to; 0 where it went to none. */
    public long stream() {
        return stream;
    }

    /** The event, function or device address that it is about; 0 where there is none. */
    public long object() {
        return object;
    }

    /** Bytes that it is about. */
    public long sizeBytes() {
        return sizeBytes;
    }

    /** A kernel's name. */
    public String text() {
        return text;
    }

    /** When the stream began it, on {@link System#nanoTime}; 0 where it has not. */
    public long beganNs() {
        return beganNs;
    }

    /** When the stream was through with it; 0 where it is not. */
    public long endedNs() {
        return endedNs;
    }

    @Override
    public String toString() {
        return name
                + "(stream "
                + stream
                + ", object 0x"
                + Long.toHexString(object)
                + ", "
                + sizeBytes
                + " bytes"
                + (text.isEmpty() ? "" : ", " + text)
                + ")";
    }
}
