package io.millrace.executor.cpu.gradient;

import io.millrace.executor.step.HeadSink;
import io.millrace.executor.step.Variants;

/** For passes whose answers are made on the way back. */
final class NoAnswers implements HeadSink {
    static final HeadSink SINK = new NoAnswers();

    private NoAnswers() {}

    @Override
    public boolean wantsLogits() {
        return false;
    }

    @Override
    public Variants logits(int query, int microBatch) {
        throw new IllegalStateException("nobody asked for logits");
    }

    @Override
    public void losses(int query, int scale, int microBatch, double[] losses, int count) {
        throw new IllegalStateException("nobody asked for losses");
    }
}
