package io.millrace.memory;

/**
 * Input that a person can mend: the command line answers it with one line and exit code 2. The
 * message names where (file, line or option), what is wrong there, and how to mend it.
 */
public final class BadInputException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * An error in the form {@code where: what; mend}.
     *
     * @param where the file, file and line, or option
     * @param what what is wrong, naming the field
     * @param mend what to do about it
     */
    public BadInputException(String where, String what, String mend) {
        super(where + ": " + what + "; " + mend);
    }
}
