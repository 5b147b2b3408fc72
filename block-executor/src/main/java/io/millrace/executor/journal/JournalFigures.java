package io.millrace.executor.journal;

import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import java.util.List;
import java.util.Optional;

/**
 * Figures of a journal's steps. A step's loss is the mean of L+ and L− over its queries.
 *
 * @param steps how many
 * @param loss of the first and the last step
 * @param smoothed steps at either end over which {@code smoothedLoss} is a mean: a tenth of all, at
 *     least 1 and at most 100
 * @param smoothedLoss mean of the first and of the last so many steps
 * @param notFinite steps with a loss that is no number; the means leave them out
 * @param slope of all queries
 * @param lr learning rates of the first and the last step
 * @param lrRange the least and the greatest learning rate
 */
public record JournalFigures(
        long steps,
        Ends loss,
        int smoothed,
        Ends smoothedLoss,
        long notFinite,
        Slopes slope,
        Ends lr,
        Ends lrRange) {
    private static final int MOST_SMOOTHED = 100;
    private static final int SMOOTHED_SHARE = 10;

    /** Two values. */
    public record Ends(double first, double last) {}

    /**
     * Slopes along the directions, g.
     *
     * @param meanSize mean of |g|
     * @param least the least g
     * @param leastStep its step
     * @param greatest the greatest g
     * @param greatestStep its step
     */
    public record Slopes(
            double meanSize, double least, long leastStep, double greatest, long greatestStep) {}

    /** The figures of steps; empty where there is none. */
    static Optional<JournalFigures> of(List<StepRecord> records) {
        if (records.isEmpty()) {
            return Optional.empty();
        }
        StepRecord first = records.getFirst();
        StepRecord last = records.getLast();
        int count = Math.clamp(records.size() / SMOOTHED_SHARE, 1, MOST_SMOOTHED);
        return Optional.of(
                new JournalFigures(
                        records.size(),
                        new Ends(first.loss(), last.loss()),
                        count,
                        new Ends(
                                meanLoss(records.subList(0, count)),
                                meanLoss(records.subList(records.size() - count, records.size()))),
                        records.stream().filter(record -> !Double.isFinite(record.loss())).count(),
                        slopes(records),
                        new Ends(first.lr(), last.lr()),
                        new Ends(
                                records.stream().mapToDouble(StepRecord::lr).min().orElseThrow(),
                                records.stream().mapToDouble(StepRecord::lr).max().orElseThrow())));
    }

    private static double meanLoss(List<StepRecord> records) {
        return records.stream()
                .mapToDouble(StepRecord::loss)
                .filter(Double::isFinite)
                .average()
                .orElse(Double.NaN);
    }

    private static Slopes slopes(List<StepRecord> records) {
        double sum = 0;
        long count = 0;
        double least = Double.NaN;
        double greatest = Double.NaN;
        long leastStep = 0;
        long greatestStep = 0;
        for (StepRecord record : records) {
            for (QueryResult query : record.queries()) {
                double slope = query.projectedGrad();
                if (!Double.isFinite(slope)) {
                    continue;
                }
                sum += Math.abs(slope);
                count++;
                if (!(slope >= least)) {
                    least = slope;
                    leastStep = record.step();
                }
                if (!(slope <= greatest)) {
                    greatest = slope;
                    greatestStep = record.step();
                }
            }
        }
        return new Slopes(sum / count, least, leastStep, greatest, greatestStep);
    }
}
