package io.millrace.optim.objective;

/**
 * The share of examples whose likeliest candidate is a wrong one: 1 − accuracy (MeZO, arXiv
 * 2305.17333, section 3.3; its code climbs down −accuracy, which has the same slopes).
 */
public record Accuracy() implements CandidateObjective {
    /** The name on the command line and in the journal. */
    public static final String NAME = "accuracy";

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public double of(double[] losses, int label) {
        for (int other = 0; other < losses.length; other++) {
            // The first of equals is the answer.
            if (losses[other] < losses[label]
                    || (losses[other] == losses[label] && other < label)) {
                return 1;
            }
        }
        return 0;
    }
}
