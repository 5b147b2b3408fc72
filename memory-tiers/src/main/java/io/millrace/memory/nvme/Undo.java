package io.millrace.memory.nvme;

import java.util.ArrayDeque;
import java.util.Deque;

/** Frees, newest first, what a constructor had taken before it failed. */
final class Undo {
    private final Deque<Runnable> actions = new ArrayDeque<>();

    void add(Runnable action) {
        actions.push(action);
    }

    void run(Throwable failure) {
        for (Runnable action : actions) {
            try {
                action.run();
            } catch (RuntimeException e) {
                failure.addSuppressed(e);
            }
        }
    }
}
