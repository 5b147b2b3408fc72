package io.millrace.executor.cpu.gradient;

import io.millrace.executor.cpu.gradient.op.VectorSums;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.param.RulePass;
import io.millrace.executor.cpu.weight.HostVisit;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.GradientSteps;
import io.millrace.memory.TensorSlot;
import io.millrace.optim.gradient.TensorTurn;
import java.util.Arrays;
import java.util.Optional;

/** What becomes of a block whose gradient is known. */
final class BlockUpdate {
    private static final double CLIP_GUARD = 1e-6; // as PyTorch's clip_grad_norm_
    private static final long PIECE = 1 << 16;

    private final WorkerPool pool;
    private final Optional<GradientSteps.Rule> rule;
    private final Optional<RulePass> pass;

    BlockUpdate(WorkerPool pool, Optional<GradientSteps.Rule> rule, Floats work) {
        this.pool = pool;
        this.rule = rule;
        pass = rule.map(one -> new RulePass(pool, one.rule(), one.rounding(), work));
    }

    /** Whether the norm of the whole gradient is needed before any block changes. */
    boolean wantsNorm() {
        return rule.filter(one -> one.norm() < Double.POSITIVE_INFINITY).isPresent();
    }

    /** What the whole gradient of a norm is scaled by. */
    double whole(double norm) {
        return factor(norm, rule.orElseThrow().norm());
    }

    private static double factor(double norm, double most) {
        return norm > most ? most / (norm + CLIP_GUARD) : 1;
    }

    /** The sum of the squares of a block's gradients. */
    double squares(HostVisit visit, BlockGradients gradients) {
        double sum = 0;
        for (int index = 0; index < visit.tensorCount(); index++) {
            long elements = visit.slot(index).elementCount();
            sum += gradients.of(index).map(place -> squares(place, elements)).orElse(0.0);
        }
        return sum;
    }

    private double squares(Floats place, long elements) {
        double[] sums = new double[Math.toIntExact(Math.ceilDiv(elements, PIECE))];
        pool.parallelFor(
                sums.length,
                Operator.FORM,
                (piece, _) -> {
                    long first = piece * PIECE;
                    long count = Math.min(PIECE, elements - first);
                    sums[piece] = VectorSums.squares(place.segment(), place.start() + first, count);
                });
        return Arrays.stream(sums).sum();
    }

    /**
     * Changes the trained tensors of a block.
     *
     * @param squares the sum of the squares of its gradients
     * @param whole factor on all gradients of the step
     */
    void run(
            HostVisit visit,
            BlockGradients gradients,
            GradientSteps.Asked asked,
            double squares,
            double whole) {
        double norm = whole * Math.sqrt(squares);
        float factor = (float) (whole * factor(norm, rule.orElseThrow().blockNorm()));
        for (int index = 0; index < visit.tensorCount(); index++) {
            TensorSlot slot = visit.slot(index);
            Optional<Floats> gradient = gradients.of(index);
            if (gradient.isPresent()) {
                TensorTurn turn =
                        new TensorTurn(
                                asked.step(),
                                asked.turns().of(visit.block()),
                                asked.lr(),
                                slot.isVector() ? 0 : asked.weightDecay(),
                                slot.shape(),
                                asked.seed());
                pass.orElseThrow().run(visit.stored(index), turn, gradient.get(), factor);
            }
        }
    }
}
