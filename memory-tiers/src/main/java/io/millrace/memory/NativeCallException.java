package io.millrace.memory;

/** A system or library call that returned an error. */
public final class NativeCallException extends OffloadException {
    private static final long serialVersionUID = 1L;

    private final long code;

    /**
     * A failed call.
     *
     * @param call the function and its operands, such as {@code mlock(0x7f00, 4096)}
     * @param code the return code or errno
     * @param meaning what the code stands for, and the cure when there is one
     */
    public NativeCallException(String call, long code, String meaning) {
        super(call + " failed with " + code + ": " + meaning, null);
        this.code = code;
    }

    /** The return code or errno. */
    public long code() {
        return code;
    }
}
