package io.millrace.executor.many;

import io.millrace.executor.listen.RunListener;

/** Who watches several runs at once. */
@FunctionalInterface
public interface ManyListener {
    /**
     * Who watches one of them: heard from that run's thread, while others are heard from theirs.
     *
     * @param run its place among the runs, from 0
     */
    RunListener of(int run);
}
