package io.millrace.executor.cpu.gradient.op;

import io.millrace.executor.cpu.op.Attention;

/** Attention of one sequence and its gradients in double, written plainly. */
final class PlainAttention {
    private final Attention.Shape shape;
    private final int count;
    final double[][][] q; // [head][row][dim], as all of these
    final double[][][] k;
    final double[][][] v;
    final double[] sinks; // negative infinity for none
    final double[][][] gradQ;
    final double[][][] gradK;
    final double[][][] gradV;
    final double[] gradSinks;
    int[] distances; // the row of distance i - j at i - j + count - 1; null for none
    double[][][] distanceKeys; // [head][row][dim], or null
    double[][][] distanceQueries;
    double[][][] gradDistanceKeys;
    double[][][] gradDistanceQueries;

    PlainAttention(Attention.Shape shape, int count) {
        this.shape = shape;
        this.count = count;
        q = new double[shape.heads()][count][shape.headDim()];
        k = new double[shape.kvHeads()][count][shape.headDim()];
        v = new double[shape.kvHeads()][count][shape.valueDim()];
        gradQ = new double[shape.heads()][count][shape.headDim()];
        gradK = new double[shape.kvHeads()][count][shape.headDim()];
        gradV = new double[shape.kvHeads()][count][shape.valueDim()];
        sinks = new double[shape.heads()];
        gradSinks = new double[shape.heads()];
    }

    /** Σ of the context times the gradient that it is given [head][row][value dim]. */
    double product(double[][][] gradContext) {
        double sum = 0;
        for (int head = 0; head < shape.heads(); head++) {
            for (int i = 0; i < count; i++) {
                double[] weights = weights(head, i);
                for (int j = 0; j < count; j++) {
                    sum += weights[j] * dot(gradContext[head][i], v[kvHead(head)][j]);
                }
            }
        }
        return sum;
    }

    /** Fills the gradients of that sum. */
    void gradients(double[][][] gradContext) {
        for (int head = 0; head < shape.heads(); head++) {
            for (int i = 0; i < count; i++) {
                row(head, i, gradContext[head][i]);
            }
        }
    }

    private void row(int head, int i, double[] gradContext) {
        int kvHead = kvHead(head);
        double[] weights = weights(head, i);
        double mean = 0;
        double seen = 0;
        for (int j = 0; j < count; j++) {
            mean += weights[j] * dot(gradContext, v[kvHead][j]);
            seen += weights[j];
        }
        gradSinks[head] -= (1 - seen) * mean;
        for (int j = 0; j < count; j++) {
            double change = weights[j] * (dot(gradContext, v[kvHead][j]) - mean) * shape.scale();
            if (shape.softcap() != 0) {
                double tanh = Math.tanh(scaled(head, i, j) / shape.softcap());
                change *= 1 - tanh * tanh;
            }
            for (int d = 0; d < shape.headDim(); d++) {
                gradQ[head][i][d] += change * k[kvHead][j][d];
                gradK[kvHead][j][d] += change * q[head][i][d];
            }
            if (distances != null) {
                ofDistance(head, i, j, change);
            }
            for (int d = 0; d < shape.valueDim(); d++) {
                gradV[kvHead][j][d] += weights[j] * gradContext[d];
            }
        }
    }

    private void ofDistance(int head, int i, int j, double change) {
        int row = distances[i - j + count - 1];
        for (int d = 0; d < shape.headDim(); d++) {
            if (distanceKeys != null) {
                gradQ[head][i][d] += change * distanceKeys[head][row][d];
                gradDistanceKeys[head][row][d] += change * q[head][i][d];
            }
            if (distanceQueries != null) {
                gradK[kvHead(head)][j][d] += change * distanceQueries[head][row][d];
                gradDistanceQueries[head][row][d] += change * k[kvHead(head)][j][d];
            }
        }
    }

    private double[] weights(int head, int i) {
        double[] weights = new double[count];
        double slope = shape.slopes().isEmpty() ? 0 : shape.slopes().get(head);
        double sum = Math.exp(sinks[head]);
        int window = shape.sight().window();
        for (int j = 0; j < count; j++) {
            if ((window == 0 || j > i - window) && j <= (long) i + shape.sight().ahead()) {
                double score = scaled(head, i, j);
                if (shape.softcap() != 0) {
                    score = shape.softcap() * Math.tanh(score / shape.softcap());
                }
                weights[j] = Math.exp(score + slope * (j - i));
                sum += weights[j];
            }
        }
        for (int j = 0; j < count; j++) {
            weights[j] /= sum;
        }
        return weights;
    }

    private double scaled(int head, int i, int j) {
        double product = dot(q[head][i], k[kvHead(head)][j]);
        int row = distances == null ? 0 : distances[i - j + count - 1];
        if (distanceKeys != null) {
            product += dot(q[head][i], distanceKeys[head][row]);
        }
        if (distanceQueries != null) {
            product += dot(k[kvHead(head)][j], distanceQueries[head][row]);
        }
        return product * shape.scale();
    }

    private int kvHead(int head) {
        return head / (shape.heads() / shape.kvHeads());
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int d = 0; d < a.length; d++) {
            sum += a[d] * b[d];
        }
        return sum;
    }
}
