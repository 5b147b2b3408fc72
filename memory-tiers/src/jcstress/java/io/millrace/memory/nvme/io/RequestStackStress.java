package io.millrace.memory.nvme.io;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/**
 * Of two threads that push, whoever finds the stack empty takes what is there: each request is
 * taken once and as it was prepared, and none is left for which nobody comes.
 */
@JCStressTest
@Outcome(id = "3, 0", expect = Expect.ACCEPTABLE, desc = "Both are taken, once.")
@Outcome(expect = Expect.FORBIDDEN, desc = "A request lost, taken twice, or not yet prepared.")
@State
public class RequestStackStress {
    private static final int NOT_PREPARED = 100;

    private final RequestStack stack = new RequestStack();
    private int one;
    private int other;

    /** Pushes, and takes where nobody else does. */
    @Actor
    public void one() {
        one = push(1);
    }

    /** The same. */
    @Actor
    public void other() {
        other = push(2);
    }

    private int push(int length) {
        IoRequest request = new IoRequest(ended -> {});
        request.shorten(length);
        return stack.push(request) ? taken() : 0;
    }

    private int taken() {
        int sum = 0;
        for (IoRequest request = stack.takeAll(); request != null; request = request.next) {
            sum += request.length() == 0 ? NOT_PREPARED : request.length();
        }
        return sum;
    }

    /** What was taken, and what is left. */
    @Arbiter
    public void rest(II_Result result) {
        result.r1 = one + other;
        result.r2 = taken();
    }
}
