package io.millrace.executor;

import java.lang.foreign.ValueLayout;

final class Interim {
    private Interim() {}
    static float g(Floats f, long i) { return f.segment().getAtIndex(ValueLayout.JAVA_FLOAT, f.start() + i); }
    static void s(Floats f, long i, float v) { f.segment().setAtIndex(ValueLayout.JAVA_FLOAT, f.start() + i, v); }
    static void norm(boolean rms, Floats x, Floats y, int width, Floats w, Floats b, float eps, float off) {
        double sum = 0, sq = 0;
        for (int i = 0; i < width; i++) { sum += g(x, i); }
        double mean = rms ? 0 : sum / width;
        for (int i = 0; i < width; i++) { double d = g(x, i) - mean; sq += d * d; }
        double inv = 1 / Math.sqrt(sq / width + eps);
        for (int i = 0; i < width; i++) {
            s(y, i, (float) ((g(x, i) - mean) * inv) * (g(w, i) + off) + (b == null ? 0 : g(b, i)));
        }
    }
    static float act(io.millrace.model.spec.Activation a, float x) {
        return switch (a) {
            case RELU -> Math.max(x, 0);
            case SILU -> (float) (x / (1 + Math.exp(-x)));
            case GELU_TANH -> (float) (0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))));
            case GELU_EXACT -> throw new UnsupportedOperationException();
        };
    }
    static void rotate(Floats head, int dims, java.util.List<Float> inv, float factor, int pos) {
        for (int i = 0; i < dims / 2; i++) {
            double angle = pos * (double) inv.get(i);
            float c = (float) (Math.cos(angle) * factor), sn = (float) (Math.sin(angle) * factor);
            float a = g(head, i), b = g(head, i + dims / 2);
            s(head, i, a * c - b * sn);
            s(head, i + dims / 2, b * c + a * sn);
        }
    }
    static void attend(Floats q, Floats k0, Floats v0, long stride, int pos, int window, int dim, float scale, float cap, Floats out) {
        int from = window > 0 ? Math.max(0, pos - window + 1) : 0;
        double[] p = new double[pos - from + 1];
        double max = Double.NEGATIVE_INFINITY;
        for (int j = from; j <= pos; j++) {
            double d = 0;
            for (int i = 0; i < dim; i++) { d += g(q, i) * g(k0, j * stride + i); }
            d *= scale;
            if (cap > 0) { d = cap * Math.tanh(d / cap); }
            p[j - from] = d;
            max = Math.max(max, d);
        }
        double sum = 0;
        for (int j = 0; j < p.length; j++) { p[j] = Math.exp(p[j] - max); sum += p[j]; }
        for (int i = 0; i < dim; i++) {
            double o = 0;
            for (int j = 0; j < p.length; j++) { o += p[j] * g(v0, (j + from) * stride + i); }
            s(out, i, (float) (o / sum));
        }
    }
}
