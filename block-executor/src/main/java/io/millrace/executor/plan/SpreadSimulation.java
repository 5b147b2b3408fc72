package io.millrace.executor.plan;

import io.millrace.executor.config.data.Parallel;
import io.millrace.optim.random.SplitMix64;
import java.util.ArrayList;
import java.util.List;

/**
 * Steps of ever more workers as they would go where machines are not always equally fast: a step
 * waits for the slowest. Each worker's time is drawn anew in each step, {@code e^(σ x)} times what
 * was forecast with x normal, and now and then it stumbles.
 */
public final class SpreadSimulation {
    private static final int STEPS = 400;
    private static final double SPREAD = 0.03; // σ
    private static final double STUMBLES = 0.001; // of a worker's steps
    private static final double STUMBLE = 1.5; // times as long
    private static final int UNUSED_BITS = 11; // a double has 53
    private static final double TO_UNIT = 0x1p-53;

    private final long seed;
    private long drawn;

    private SpreadSimulation(long seed) {
        this.seed = seed;
    }

    /**
     * A number of workers.
     *
     * @param microBatch sequences that pass through a block together
     * @param step as forecast
     * @param waitingSeconds more than the busiest worker was forecast to take, on average
     * @param speedup over one worker that never stumbles
     */
    public record Point(
            int microBatch, SpreadPlan.Step step, double waitingSeconds, double speedup) {
        /** Seconds of a step. */
        public double seconds() {
            return step.seconds() + waitingSeconds;
        }

        /** Of one worker's speed that each of them adds. */
        public double efficiency() {
            return speedup / step.workers();
        }
    }

    /** From one worker to so many, twice as many each time. */
    public static List<Point> of(SpreadPlans plans, Parallel mode, int most, Network network) {
        List<Point> points = new ArrayList<>();
        double alone = plans.alone().step(mode, 1, network).seconds();
        for (int workers = 1; workers <= most; workers *= 2) {
            SpreadPlan plan = plans.best(mode, workers, network);
            SpreadPlan.Step step = plan.step(mode, workers, network);
            double waiting = new SpreadSimulation(workers).waiting(step);
            points.add(
                    new Point(
                            plan.microBatch(), step, waiting, alone / (step.seconds() + waiting)));
        }
        return points;
    }

    private double waiting(SpreadPlan.Step step) {
        double sum = 0;
        for (int number = 0; number < STEPS; number++) {
            double slowest = 0;
            for (double seconds : step.worker()) {
                double stumble = unit() < STUMBLES ? STUMBLE : 1;
                slowest = Math.max(slowest, seconds * stumble * Math.exp(SPREAD * normal()));
            }
            sum += slowest;
        }
        return sum / STEPS - step.computeSeconds();
    }

    /** By Box and Muller. */
    private double normal() {
        double radius = Math.sqrt(-2 * Math.log(1 - unit()));
        return radius * Math.cos(2 * Math.PI * unit());
    }

    private double unit() {
        return (SplitMix64.output(seed, ++drawn) >>> UNUSED_BITS) * TO_UNIT;
    }
}
