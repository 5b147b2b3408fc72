package io.millrace.bench.learning;

import io.millrace.bench.program.Folders;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.Method;
import io.millrace.executor.config.OutputConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.find.FindResult;
import io.millrace.executor.find.Finder;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.BadInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * ε and the learning rate of a method on a task: what {@code find} proposes, moved while whole runs
 * end lower.
 *
 * @param task what is to be learned
 * @param work a folder for what trials leave
 * @param probeSteps that each rate is tried for at first
 */
public record RateFinder(LearningTask task, Path work, int probeSteps) {
    /** A whole run with what was found so far. */
    @FunctionalInterface
    public interface Trial {
        /** Its held-out loss at the end; infinite where it came to none. */
        double of(Rate rate) throws IOException;
    }

    /**
     * Searches.
     *
     * @param steps of the runs that are to come
     * @param start the learning rate to begin at
     * @param trial a run to hold a rate to
     * @param runs how many of them there may be; 0 for what is found without
     */
    public Rate find(Method method, long steps, double start, Trial trial, int runs)
            throws IOException {
        Rate found = proposed(method, steps, start);
        if (!found.isFound() || runs == 0) {
            return found;
        }
        RateClimb climb = new RateClimb(lr -> trial.of(found.withLr(lr, found.seconds())));
        long begun = System.nanoTime();
        double lr = climb.from(found.lr(), runs);
        return found.withLr(lr, found.seconds() + since(begun));
    }

    private Rate proposed(Method method, long steps, double start) throws IOException {
        Folders.delete(work);
        Files.createDirectories(work);
        long begun = System.nanoTime();
        try {
            FindResult found =
                    Finder.find(
                            out ->
                                    TuneConfig.builder(
                                            method.beneath(task.told().with(OutputConfig.OUT, out))
                                                    .with(ArithmeticConfig.STEPS, steps)),
                            start,
                            probeSteps,
                            work,
                            RunListener.SILENT,
                            _ -> {});
            return new Rate(
                    method.name(),
                    found.eps(),
                    found.lr(),
                    since(begun),
                    method.stepForwards(),
                    "");
        } catch (BadInputException e) {
            return new Rate(method.name(), Double.NaN, Double.NaN, since(begun), 0, e.getMessage());
        } finally {
            Folders.delete(work);
        }
    }

    private static double since(long begun) {
        return 1e-9 * (System.nanoTime() - begun);
    }
}
