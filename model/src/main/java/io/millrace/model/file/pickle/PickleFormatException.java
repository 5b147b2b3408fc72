package io.millrace.model.file.pickle;

/** What a pickle is refused for: a clause whose subject is the pickle. */
public final class PickleFormatException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Whether another file of the kind may well be read: this one asks for more than data. */
    private final boolean unsupported;

    PickleFormatException(String what) {
        this(what, false);
    }

    private PickleFormatException(String what, boolean unsupported) {
        super(what);
        this.unsupported = unsupported;
    }

    static PickleFormatException unsupported(String what) {
        return new PickleFormatException(what, true);
    }

    /** Whether the file may be sound, and is only more than is read. */
    public boolean isUnsupported() {
        return unsupported;
    }
}
