package io.millrace.optim.estimate;

import java.util.List;

/**
 * A central difference that is held to what it promises (ZO-SGD-Cons, arXiv 2402.11592): one pass
 * asks for L(θ) and L(θ ± εz), which give g; a second asks for L(θ − lr g z) and L(θ + lr g z), and
 * the step goes where the loss is least, or stays. So the slope that the step finds is g, −g or 0.
 * What stays the same is preferred where losses are equal; weight decay is not in the trial. The
 * loss of a step is L(θ).
 */
public final class ConservativeEstimator implements Estimator {
    /** The name on the command line and in the journal. */
    public static final String NAME = "conservative";

    /** It holds no state. */
    public ConservativeEstimator() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Questions questions() {
        return Questions.each(1, 3);
    }

    @Override
    public List<Questions> passes() {
        return List.of(questions(), Questions.each(1, 2));
    }

    @Override
    public Round begin(StepContext step) {
        float eps = (float) step.eps();
        return round(
                new Query(step.seed(), List.of(0f, eps, -eps)),
                losses -> {
                    double slope = (losses[1] - losses[2]) / (2 * step.eps());
                    float move = (float) (step.lr() * slope);
                    return new Judgement.AskMore(
                            round(
                                    new Query(step.seed(), List.of(-move, move)),
                                    moved -> choose(step, losses, moved, slope)));
                });
    }

    private static Judgement choose(
            StepContext step, double[] losses, double[] moved, double slope) {
        double stay = losses[0];
        double chosen = 0;
        if (moved[0] < stay && moved[0] <= moved[1]) {
            chosen = slope;
        } else if (moved[1] < stay) {
            chosen = -slope;
        }
        List<Double> all = List.of(losses[1], losses[2], stay, moved[0], moved[1]);
        return new Judgement.Found(stay, List.of(new QueryResult(step.seed(), all, chosen)));
    }

    /** What follows from the losses of a round's one query. */
    private interface Judge {
        Judgement of(double[] losses);
    }

    private static Round round(Query query, Judge judge) {
        return new Round() {
            @Override
            public List<Query> queries() {
                return List.of(query);
            }

            @Override
            public Judgement judge(List<double[]> losses) {
                return judge.of(losses.getFirst());
            }
        };
    }
}
