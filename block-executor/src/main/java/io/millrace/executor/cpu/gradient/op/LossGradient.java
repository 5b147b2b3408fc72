package io.millrace.executor.cpu.gradient.op;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Interim. */
public final class LossGradient {
    public static double replace(MemorySegment s, long o, int ids, float cap, int target, double w) {
        double top = Double.NEGATIVE_INFINITY;
        double[] y = new double[ids];
        for (int i = 0; i < ids; i++) {
            double x = s.getAtIndex(ValueLayout.JAVA_FLOAT, o + i);
            y[i] = cap == 0 ? x : cap * Math.tanh(x / cap);
            top = Math.max(top, y[i]);
        }
        double sum = 0;
        for (int i = 0; i < ids; i++) {
            sum += Math.exp(y[i] - top);
        }
        double loss = top + Math.log(sum) - y[target];
        for (int i = 0; i < ids; i++) {
            double g = w * (Math.exp(y[i] - top) / sum - (i == target ? 1 : 0));
            g *= cap == 0 ? 1 : 1 - (y[i] / cap) * (y[i] / cap);
            s.setAtIndex(ValueLayout.JAVA_FLOAT, o + i, (float) g);
        }
        return loss;
    }
}
