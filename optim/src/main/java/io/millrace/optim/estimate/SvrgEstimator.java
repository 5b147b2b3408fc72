package io.millrace.optim.estimate;

import java.util.List;
import java.util.Optional;

/**
 * Central differences with the variance of the batch taken out (MeZO-SVRG, arXiv 2404.08080). Every
 * so many steps an anchor step finds g_a along z_a on much data. The steps between ask along one
 * direction z for {@code L±} at θ and {@code L̃±} at the anchor, that is at θ as it was before the
 * anchor step, on the same batch; they go along {@code (g − g̃) z + g_a z_a}. Unlike in the
 * published code both differences share z, and the anchor is a point that the weights truly had.
 */
public final class SvrgEstimator implements Estimator {
    /** The name on the command line and in the journal. */
    public static final String NAME = "svrg";

    private final Anchors anchors;

    /** An estimator of anchor steps and of those between. */
    public SvrgEstimator(Anchors anchors) {
        this.anchors = anchors;
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Optional<Anchors> anchors() {
        return Optional.of(anchors);
    }

    @Override
    public Questions questions() {
        return Questions.each(2, 2);
    }

    @Override
    public Round begin(StepContext step) {
        if (anchors.isAt(step.step())) {
            return new TwoSidedEstimator(1).begin(step);
        }
        float eps = (float) step.eps();
        Query here = new Query(step.seed(), List.of(eps, -eps));
        QueryResult anchor = step.anchor().orElseThrow().queries().getFirst();
        return new Round() {
            @Override
            public List<Query> queries() {
                return List.of(here, here.atAnchor());
            }

            @Override
            public Judgement judge(List<double[]> losses) {
                double plus = losses.get(0)[0];
                double minus = losses.get(0)[1];
                double plusThere = losses.get(1)[0];
                double minusThere = losses.get(1)[1];
                double width = 2 * step.eps();
                double slope = (plus - minus) / width - (plusThere - minusThere) / width;
                return new Judgement.Found(
                        (plus + minus) / 2,
                        List.of(
                                new QueryResult(
                                        step.seed(),
                                        List.of(plus, minus, plusThere, minusThere),
                                        slope),
                                new QueryResult(anchor.seed(), List.of(), anchor.projectedGrad())),
                        true);
            }
        };
    }
}
