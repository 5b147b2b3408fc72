package io.millrace.executor.cpu.program;

import io.millrace.executor.cpu.op.Norms;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.RowTasks;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.weight.FormedWeights;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Variants;
import io.millrace.model.program.Op;
import io.millrace.model.spec.NormSpec;

/** Norms with perturbed weights: of whole rows, or of each head of a row. */
final class Normalizer {
    private final WorkerPool pool;
    private final Scratch scratch;

    Normalizer(WorkerPool pool, Scratch scratch) {
        this.pool = pool;
        this.scratch = scratch;
    }

    /** Norms rows from x to y, which may be the same. */
    void run(FormedWeights weights, NormSpec spec, Variants x, Variants y, int rows) {
        Vectors vectors = form(weights, spec, 1);
        RowTasks.run(
                pool,
                Operator.NORM,
                weights.scaleCount(),
                rows,
                spec.width(),
                (scale, from, to, worker) -> {
                    Floats in = x.of(scale).at(from * x.rowStride());
                    Floats out = y.of(scale).at(from * y.rowStride());
                    Floats weight = vectors.weight(scale);
                    Norms.apply(
                            spec,
                            in.segment(),
                            in.start(),
                            x.rowStride(),
                            weight.segment(),
                            weight.start(),
                            vectors.biasSegment(),
                            vectors.biasStart(scale),
                            out.segment(),
                            out.start(),
                            y.rowStride(),
                            to - from);
                });
    }

    /** Norms heads of each row in place, all with the same weights or each with its own. */
    void runHeads(FormedWeights weights, Op.NormHeads op, Variants heads, int rows) {
        NormSpec spec = op.norm();
        int count = op.heads().count();
        int stride = op.heads().stride();
        int factors = op.factors();
        Vectors vectors = form(weights, spec, factors);
        RowTasks.run(
                pool,
                Operator.NORM,
                weights.scaleCount(),
                rows,
                (long) spec.width() * count,
                (scale, from, to, worker) -> {
                    Floats data = heads.of(scale).at(from * heads.rowStride());
                    Floats weight = vectors.weight(scale);
                    for (int first = 0; first < factors; first++) {
                        Norms.applyHeads(
                                spec,
                                data.segment(),
                                data.start() + (long) first * stride,
                                heads.rowStride(),
                                stride,
                                count / factors,
                                weight.segment(),
                                weight.start() + (long) first * spec.width(),
                                vectors.biasSegment(),
                                vectors.biasStart(scale),
                                to - from);
                    }
                });
    }

    private Vectors form(FormedWeights weights, NormSpec spec, int factors) {
        int length = factors * spec.width();
        Floats weight = scratch.vector(1);
        weights.formWhole(weights.indexOf(spec.weight()), weight, length);
        Floats bias = null;
        if (spec.bias() != null) {
            bias = scratch.vector(2);
            weights.formWhole(weights.indexOf(spec.bias()), bias, spec.width());
        }
        return new Vectors(weight, length, bias, spec.width());
    }

    private record Vectors(Floats weights, int length, Floats bias, int width) {
        Floats weight(int scale) {
            return weights.at((long) scale * length);
        }

        java.lang.foreign.MemorySegment biasSegment() {
            return bias == null ? null : bias.segment();
        }

        long biasStart(int scale) {
            return bias == null ? 0 : bias.start() + (long) scale * width;
        }
    }
}
