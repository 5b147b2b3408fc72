package io.millrace.executor;

import io.millrace.executor.cpu.WorkerPool;
import io.millrace.model.spec.NormSpec;

final class Normalizer {
    private final WorkerPool pool;
    private final Scratch scratch;

    Normalizer(WorkerPool pool, Scratch scratch) {
        this.pool = pool;
        this.scratch = scratch;
    }

    void run(FormedWeights weights, NormSpec spec, Variants x, Variants y, int rows) {
        rows(weights, spec, x, y, rows, 1, 0);
    }

    void rows(FormedWeights weights, NormSpec spec, Variants x, Variants y, int rows, int heads, int headStride) {
        int width = spec.width();
        weights.formWhole(weights.indexOf(spec.weight()), scratch.vector(1), width);
        if (spec.bias() != null) {
            weights.formWhole(weights.indexOf(spec.bias()), scratch.vector(2), width);
        }
        for (int s = 0; s < weights.scaleCount(); s++) {
            int scale = s;
            pool.parallelFor(rows, (row, worker) -> {
                for (int h = 0; h < heads; h++) {
                    Interim.norm(spec.kind() == NormSpec.Kind.RMS, x.of(scale).at(row * x.rowStride() + (long) h * headStride),
                            y.of(scale).at(row * y.rowStride() + (long) h * headStride), width,
                            scratch.vector(1).at((long) scale * width),
                            spec.bias() == null ? null : scratch.vector(2).at((long) scale * width), spec.epsilon(), spec.weightOffset());
                }
            });
        }
    }
}
