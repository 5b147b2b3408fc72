package io.millrace.memory;

import java.util.ArrayDeque;
import java.util.Deque;

/** Resources of one owner, closed in reverse order; the first failure is thrown. */
public final class OwnedResources implements AutoCloseable {
    private final Deque<AutoCloseable> owned = new ArrayDeque<>();

    /** Takes a resource over, and returns it. */
    public <T extends AutoCloseable> T own(T resource) {
        owned.push(resource);
        return resource;
    }

    @Override
    public void close() {
        RuntimeException failure = null;
        while (!owned.isEmpty()) {
            try {
                owned.pop().close();
            } catch (Exception e) {
                RuntimeException next =
                        e instanceof RuntimeException unchecked
                                ? unchecked
                                : new IllegalStateException("did not close", e);
                if (failure == null) {
                    failure = next;
                } else {
                    failure.addSuppressed(next);
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
    }
}
