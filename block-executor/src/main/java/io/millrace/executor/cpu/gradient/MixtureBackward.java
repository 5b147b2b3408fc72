package io.millrace.executor.cpu.gradient;

import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.model.program.MixtureOp;

/** TODO. */
final class MixtureBackward {
    MixtureBackward(WorkerPool pool) {}

    void run(MixtureOp op, GradientFrame frame) {
        throw new IllegalStateException("to come");
    }
}
