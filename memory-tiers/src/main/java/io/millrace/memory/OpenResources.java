package io.millrace.memory;

import java.util.LinkedHashSet;
import java.util.Set;

/**
 * Counts what an owner has handed out and not got back. Where assertions are on it also remembers
 * where each was opened, so that a leak names its origin. Safe for use from any thread.
 */
public final class OpenResources {
    private static final boolean TRACE = OpenResources.class.desiredAssertionStatus();

    private final Set<Opening> open = new LinkedHashSet<>();

    /** One thing handed out. */
    public static final class Opening {
        private final String what;
        private final Throwable where;

        private Opening(String what) {
            this.what = what;
            this.where = TRACE ? new Throwable(what + " was opened here") : null;
        }
    }

    /**
     * Notes a thing handed out; give the answer to {@link #closed} when it comes back.
     *
     * @param what names it in a message
     */
    public Opening opened(String what) {
        Opening opening = new Opening(what);
        synchronized (open) {
            open.add(opening);
        }
        return opening;
    }

    /** Notes that a thing came back. */
    public void closed(Opening opening) {
        synchronized (open) {
            open.remove(opening);
        }
    }

    /** How many are out now. */
    public int count() {
        synchronized (open) {
            return open.size();
        }
    }

    /**
     * Fails where something is still out.
     *
     * @param owner names who handed it out
     * @throws IllegalStateException naming each; where it was opened is suppressed into it
     */
    public void requireNone(String owner) {
        synchronized (open) {
            if (open.isEmpty()) {
                return;
            }
            IllegalStateException leak =
                    new IllegalStateException(
                            owner
                                    + " closed with "
                                    + open.size()
                                    + " still open: "
                                    + String.join(
                                            ", ", open.stream().map(one -> one.what).toList()));
            open.stream()
                    .map(one -> one.where)
                    .filter(where -> where != null)
                    .forEach(leak::addSuppressed);
            throw leak;
        }
    }
}
