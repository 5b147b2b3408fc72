package io.millrace.optim.estimate;

import java.util.ArrayList;
import java.util.List;

/**
 * What one step asks for in all, over as many passes as it takes.
 *
 * @param passes times that the step goes over the model
 * @param forwards of the batch, over all passes
 */
public record StepCount(int passes, long forwards) {
    /**
     * Counts a step by playing it: losses that differ are made up, since what is asked in the end
     * may hang on them, but how much is asked does not.
     */
    public static StepCount of(Estimator estimator, StepContext step) {
        Round round = estimator.begin(step);
        int passes = 0;
        long forwards = 0;
        while (true) {
            passes++;
            List<double[]> losses = new ArrayList<>();
            for (Query query : round.queries()) {
                double[] answers = new double[query.scales().size()];
                for (int scale = 0; scale < answers.length; scale++) {
                    answers[scale] = 1 + 1.0 / ++forwards;
                }
                losses.add(answers);
            }
            switch (round.judge(losses)) {
                case Judgement.AskMore more -> round = more.next();
                case Judgement.Found _ -> {
                    return new StepCount(passes, forwards);
                }
            }
        }
    }
}
