package io.millrace.executor.find;

import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.BadInputException;
import io.millrace.optim.objective.Objectives;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;

/** Proposes ε and the learning rate of a run. */
public final class Finder {
    /** Below the rate that did best: what is stable for a few steps need not be for thousands. */
    private static final double MARGIN = 3;

    private Finder() {}

    /**
     * Tries ε, then learning rates with it.
     *
     * @param options makes the run to be tuned, for an output folder that it is given
     * @param start the learning rate to begin at
     * @param steps steps that each learning rate is tried for
     * @param folder an empty folder that may be filled
     * @param listener is asked whether to stop
     * @param progress hears what is tried next
     * @throws BadInputException when the run is refused, or nothing works
     * @throws StoppedException when the listener wanted it
     */
    public static FindResult find(
            Function<Path, TuneConfigBuilder> options,
            double start,
            int steps,
            Path folder,
            RunListener listener,
            Consumer<String> progress) {
        TuneConfig run = options.apply(folder).build();
        if (run.arithmetic().objective().isShare()) {
            throw new BadInputException(
                    Objectives.KINDS.naming().spelled(),
                    "rates are told by how steep the loss is, which no other objective shows",
                    "leave it out");
        }
        Path train = run.data().train();
        if (Files.exists(train) && !Files.isRegularFile(train) && !Files.isDirectory(train)) {
            throw new BadInputException(
                    "--train",
                    train + " is not a file, and every trial reads it anew",
                    "save it in a file first");
        }
        Rehearser rehearser = new Rehearser(options, folder, listener);
        // Along the gradient nothing is perturbed: there is no ε to look for.
        boolean perturbs = run.arithmetic().isReplayable();
        List<EpsTrial> epsTrials =
                perturbs ? new EpsSearch(rehearser, progress).trials() : List.of();
        if (perturbs && epsTrials.isEmpty()) {
            throw new BadInputException(
                    "--model", "no perturbation gives losses that are numbers", "check the model");
        }
        double eps = perturbs ? EpsSearch.choose(epsTrials).eps() : run.arithmetic().eps();
        List<RateTrial> rates = new RateSearch(rehearser, progress, eps, steps).trials(start);
        RateTrial best =
                rates.stream()
                        .filter(RateTrial::stable)
                        .min(Comparator.comparingDouble(RateTrial::after))
                        .orElseThrow(() ->
                                new BadInputException(
                                        "--lr",
                                        "no learning rate down to "
                                                + rates.getFirst().lr()
                                                + " keeps the loss from rising",
                                        "check the data, or raise --batch-size or --queries"));
        double lr = RateSearch.rounded(best.lr() / MARGIN);
        return new FindResult(epsTrials, rates, eps, lr, best.lr());
    }
}
