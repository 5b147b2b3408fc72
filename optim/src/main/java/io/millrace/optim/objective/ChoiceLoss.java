package io.millrace.optim.objective;

/**
 * The cross-entropy of the right candidate among all, each as likely as the mean log-probability of
 * its tokens says: how MeZO tunes on classification (arXiv 2305.17333, appendix E; its code's
 * {@code train_as_classification}).
 */
public record ChoiceLoss() implements CandidateObjective {
    /** The name on the command line and in the journal. */
    public static final String NAME = "choice";

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean isShare() {
        return false;
    }

    @Override
    public double of(double[] losses, int label) {
        double least = losses[0];
        for (double loss : losses) {
            least = Math.min(least, loss);
        }
        double sum = 0;
        for (double loss : losses) {
            sum += StrictMath.exp(least - loss);
        }
        return losses[label] - least + StrictMath.log(sum);
    }
}
