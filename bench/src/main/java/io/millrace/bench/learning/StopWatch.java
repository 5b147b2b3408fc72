package io.millrace.bench.learning;

import io.millrace.executor.listen.RunListener;
import io.millrace.executor.listen.StepProgress;
import java.util.ArrayList;
import java.util.List;

/**
 * Times a run's steps and nothing else, asks for an evaluation as each of some times is passed, and
 * ends the run behind the last.
 */
final class StopWatch implements RunListener {
    private final List<Double> times;
    private final List<Curve.Point> points = new ArrayList<>();
    private int passed;
    private double seconds;
    private long steps;
    private boolean finite = true;

    /**
     * Begins before the first step.
     *
     * @param times in seconds, each after the last
     */
    StopWatch(List<Double> times) {
        this.times = List.copyOf(times);
    }

    /**
     * Times at each of which a run is looked at, each as many times the one before: what is drawn
     * over a logarithmic axis is then evenly spaced.
     *
     * @param end the last
     * @param count of them, from a hundredth of the last on
     */
    static List<Double> times(double end, int count) {
        List<Double> times = new ArrayList<>();
        for (int i = 1; i < count; i++) {
            times.add(end * Math.pow(100, (i - count) / (count - 1.0)));
        }
        times.add(end);
        return times;
    }

    @Override
    public void onStep(StepProgress step) {
        seconds += step.stepSeconds();
        steps = step.step();
    }

    @Override
    public void onEval(long step, double loss, double accuracy) {
        if (Double.isFinite(loss)) {
            points.add(new Curve.Point(seconds, loss, accuracy));
        } else {
            finite = false;
        }
    }

    @Override
    public boolean evaluationRequested() {
        boolean due = passed < times.size() && seconds >= times.get(passed);
        while (passed < times.size() && seconds >= times.get(passed)) {
            passed++; // a step may be longer than what lies between two
        }
        return due;
    }

    @Override
    public boolean stopRequested() {
        return passed == times.size() || !finite;
    }

    /** Seconds that steps have taken so far. */
    double seconds() {
        return seconds;
    }

    long steps() {
        return steps;
    }

    /** Whether all losses so far were numbers. */
    boolean isFinite() {
        return finite;
    }

    List<Curve.Point> points() {
        return points;
    }
}
