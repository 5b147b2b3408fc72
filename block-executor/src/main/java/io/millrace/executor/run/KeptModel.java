package io.millrace.executor.run;

import io.millrace.executor.config.Metric;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.data.Keep;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.place.ModelSession;
import io.millrace.executor.step.Arithmetic;
import io.millrace.model.text.ExamplesFingerprint;
import java.lang.System.Logger.Level;
import java.util.Optional;
import java.util.OptionalInt;

/** Which step's weights a run saves in the end, and the evaluations that tell. */
public final class KeptModel {
    private static final System.Logger LOG = System.getLogger(KeptModel.class.getName());

    private final TuneConfig config;
    private final RunSetup setup;
    private final String evalData;
    private final Metric metric;

    public KeptModel(TuneConfig config, RunSetup setup) {
        this.config = config;
        this.setup = setup;
        metric = config.output().evalMetric();
        evalData =
                setup.data().eval() == null
                        ? ""
                        : ExamplesFingerprint.of(setup.data().eval().examples()).digest();
    }

    /** Refuses a host budget in which an earlier step could not be rebuilt in the end. */
    static void requireRoom(Keep keep, ModelSession session, Arithmetic arithmetic) {
        if (!keep.isBest()) {
            return;
        }
        Replay.requireRoom(session, arithmetic, "the best step", ", or leave '--keep best' out");
    }

    /** Fingerprint of the held-out examples; empty where there are none. */
    public String evalData() {
        return evalData;
    }

    /** Whether a run that goes on was ended between a step and the evaluation after it. */
    public boolean lacksEvaluation(long step) {
        long evalEvery = config.output().evalEvery();
        return evalEvery > 0
                && step % evalEvery == 0
                && step < config.arithmetic().steps()
                && !BestStep.evaluations(setup.folder().metrics(), evalData, metric)
                        .containsKey(step);
    }

    /** Whether so many evaluations were no better than the best that the run is to end. */
    public boolean isPatienceOver() {
        OptionalInt patience = config.output().patience();
        return patience.isPresent()
                && BestStep.evaluationsSince(setup.folder().metrics(), evalData, metric)
                        >= patience.getAsInt();
    }

    /** Saves the model, and says of which step it is. */
    public long save() {
        long last = setup.history().updates().lastStep();
        if (!config.output().keep().isBest()) {
            setup.saves().saveModel();
            return last;
        }
        Optional<BestStep> best = BestStep.of(setup.folder().metrics(), evalData, metric);
        if (best.isEmpty()) {
            LOG.log(
                    Level.WARNING,
                    "no evaluation found a finite " + metric.label() + "; the last step is kept");
        }
        long step = best.map(BestStep::step).orElse(last);
        if (step < last) {
            setup.saves().saveModelOf(step);
        } else {
            setup.saves().saveModel();
        }
        return step;
    }
}
