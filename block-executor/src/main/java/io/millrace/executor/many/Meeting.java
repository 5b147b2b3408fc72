package io.millrace.executor.many;

import io.millrace.executor.step.Forward;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.executor.step.HeadSink;
import io.millrace.executor.step.UpdateLog;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Where runs meet whose passes are taken together: each asks from a thread of its own and waits;
 * one thread serves, and takes a pass once all that are left have asked for one. What takes no
 * pass, a fold for a checkpoint, is done as it is asked for.
 */
final class Meeting {
    private final Forward.Joint joint;
    private final Runnable afterPass;
    private final Call[] calls; // by run; null while it asks for nothing
    private final boolean[] gone;

    /** What a run asks, and whether it has been answered. */
    private static final class Call {
        private final Forward.Joint.Asked pass; // null where it is work of its own
        private final Runnable work;
        private boolean done;
        private Throwable failure;

        Call(Forward.Joint.Asked pass, Runnable work) {
            this.pass = pass;
            this.work = work;
        }
    }

    /**
     * A meeting of all runs of a joint forward.
     *
     * @param joint what takes the passes; used by the thread that serves alone
     * @param afterPass called there after each, before anyone is answered
     */
    Meeting(Forward.Joint joint, Runnable afterPass) {
        this.joint = joint;
        this.afterPass = afterPass;
        calls = new Call[joint.each().size()];
        gone = new boolean[calls.length];
    }

    /** A run's way to ask. */
    Forward of(int run) {
        return new Asking(run);
    }

    /** Says that a run asks for nothing any more; the others go on without it. */
    synchronized void leave(int run) {
        gone[run] = true;
        notifyAll();
    }

    /** Serves until all have left. */
    void serve() {
        while (true) {
            List<Call> next = next();
            if (next.isEmpty()) {
                return;
            }
            answer(next, failureOf(next));
        }
    }

    private Throwable failureOf(List<Call> next) {
        try {
            if (next.getFirst().pass == null) {
                next.getFirst().work.run();
            } else {
                joint.run(next.stream().map(call -> call.pass).toList());
                afterPass.run();
            }
            return null;
        } catch (RuntimeException | Error e) {
            return e; // thrown by those who asked
        }
    }

    /**
     * Waits for work of one run, or for a pass that all who are left ask for; none once all went.
     */
    private synchronized List<Call> next() {
        while (true) {
            List<Call> waiting = Arrays.stream(calls).filter(Objects::nonNull).toList();
            List<Call> apart = waiting.stream().filter(call -> call.pass == null).toList();
            if (!apart.isEmpty()) {
                return List.of(apart.getFirst());
            }
            int left = 0;
            for (boolean one : gone) {
                left += one ? 0 : 1;
            }
            if (left == waiting.size()) {
                return waiting;
            }
            await();
        }
    }

    private synchronized void answer(List<Call> answered, Throwable failure) {
        for (Call call : answered) {
            call.failure = failure;
            call.done = true;
        }
        for (int run = 0; run < calls.length; run++) {
            if (calls[run] != null && calls[run].done) {
                calls[run] = null; // or it would be served again before who asked wakes up
            }
        }
        notifyAll();
    }

    private synchronized void ask(int run, Call call) {
        calls[run] = call;
        notifyAll();
        while (!call.done) {
            await();
        }
        switch (call.failure) {
            case null -> {}
            case Error error -> throw error;
            case RuntimeException unchecked -> throw unchecked;
            default -> throw new IllegalStateException(call.failure);
        }
    }

    /** A wait that an interrupt does not end: what was asked is answered in any case. */
    private void await() {
        boolean interrupted = false;
        while (true) {
            try {
                wait();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private final class Asking implements Forward {
        private final int run;

        Asking(int run) {
            this.run = run;
        }

        @Override
        public void run(ForwardRequest request, HeadSink sink) {
            ask(run, new Call(new Forward.Joint.Asked(run, request, sink), null));
        }

        @Override
        public void fold(UpdateLog updates, ForwardRequest.Folding folding, BlockConsumer then) {
            Forward own = joint.each().get(run);
            ask(run, new Call(null, () -> own.fold(updates, folding, then)));
        }

        @Override
        public Map<String, Double> operatorSeconds() {
            return joint.each().get(run).operatorSeconds();
        }

        @Override
        public void close() {
            // The joint forward's owner closes it.
        }
    }
}
