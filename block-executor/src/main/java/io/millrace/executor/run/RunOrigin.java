package io.millrace.executor.run;

import io.millrace.executor.companion.CompanionSource;
import io.millrace.executor.companion.SavedCompanions;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.place.BlockOrigin;
import io.millrace.executor.place.ModelSession;
import io.millrace.memory.BadInputException;
import io.millrace.model.ApartWriter;
import io.millrace.model.Checkpoint;
import io.millrace.model.ModelLayout;
import io.millrace.model.adapter.AdapterTensors;
import io.millrace.model.adapter.AdapterWriter;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Where the weights of a run come from: its base, and what it has saved since, should it go on. */
final class RunOrigin {
    private static final System.Logger LOG = System.getLogger(RunOrigin.class.getName());

    private RunOrigin() {}

    /**
     * The step that a run goes on behind whose steps cannot be made again: that of the newest whole
     * weights and states that it has saved, 0 where there are none.
     */
    static long savedThrough(TuneConfig config, ModelLayout layout) {
        boolean stated = layout.tuned().stateBytes() > 0;
        return new RunCheckpoints(config.output().out())
                .newest()
                .map(RunCheckpoints.Saved::foldedThrough)
                .or(() -> stated ? Optional.empty() : keptStep(config))
                .orElse(0L);
    }

    private static Optional<Long> keptStep(TuneConfig config) {
        return FinishedRun.of(config.output().out()).map(FinishedRun::keptStep);
    }

    /** The newest weights that a run which goes on has saved, in front of the base. */
    static BlockOrigin of(TuneConfig config, ModelSession session, RunHistory.Past past) {
        Optional<RunCheckpoints.Saved> newest = Optional.empty();
        if (config.output().resume()) {
            newest = new RunCheckpoints(config.output().out()).newest();
            newest.ifPresent(saved -> saved.require(past.fingerprint(), past.lastStep()));
            // A saved model has no states, and rounds what scales are tuned as.
            newest =
                    session.layout().tuned().stateBytes() > 0 || session.layout().tunesScales()
                            ? newest
                            : newest.or(() -> finished(config, past));
        }
        if (session.layout().beside().isPresent()) {
            return besideOrigin(config, session, newest);
        }
        Optional<BlockOrigin.Saved> saved =
                newest.map(found ->
                        session.openSaved(found.path(), found.foldedThrough(), found.checksums()));
        return new BlockOrigin(session.checkpoint(), session.layout(), saved);
    }

    /**
     * Of a run that only reads its base: what it trains begins anew, or where it was saved last.
     */
    private static BlockOrigin besideOrigin(
            TuneConfig config, ModelSession session, Optional<RunCheckpoints.Saved> newest) {
        CompanionSource start =
                session.layout().ownsBeside()
                        ? ofModel(session.checkpoint(), 0)
                        : session.givenBeside()
                                .orElseGet(() ->
                                        session.tuned()
                                                .start(session.base(), config.arithmetic().seed()));
        CompanionSource beside =
                newest.flatMap(found -> saved(config, session, found, start)).orElse(start);
        return BlockOrigin.of(session.checkpoint(), session.layout(), beside);
    }

    /** The tensors that a model has. */
    private static CompanionSource ofModel(Checkpoint model, long step) {
        return (companion, bytes) -> {
            model.readBlock(companion, bytes);
            return step;
        };
    }

    /** What was saved last; a run whose folder is not whole any more begins where it began. */
    private static Optional<CompanionSource> saved(
            TuneConfig config,
            ModelSession session,
            RunCheckpoints.Saved found,
            CompanionSource start) {
        SavedCompanions.Version version =
                new SavedCompanions.Version(found.foldedThrough(), found.checksums());
        ModelLayout beside = session.layout().tuned();
        boolean own = session.layout().ownsBeside();
        try {
            if (own && found.isModel()) {
                Checkpoint model = session.own(Checkpoint.open(found.path()));
                return Optional.of(ofModel(model, found.foldedThrough()));
            }
            Path weights = found.path().resolve(own ? ApartWriter.WEIGHTS : AdapterWriter.WEIGHTS);
            AdapterTensors tensors = new AdapterTensors(session.tuned()::place);
            return Optional.of(
                    session.own(SavedCompanions.open(weights, beside, tensors, version, start)));
        } catch (BadInputException e) {
            if (!config.arithmetic().isReplayable()) {
                throw e; // nothing makes the steps again that it holds
            }
            LOG.log(Level.WARNING, "{0}; the run rebuilds it from its journal", e.getMessage());
            return Optional.empty();
        }
    }

    /** The model of a run that has more steps to do now, where no fold was out of turn. */
    private static Optional<RunCheckpoints.Saved> finished(
            TuneConfig config, RunHistory.Past past) {
        Path out = config.output().out();
        return FinishedRun.of(out)
                .map(FinishedRun::keptStep)
                .filter(step -> step <= past.lastStep())
                .filter(step -> step % config.arithmetic().foldEvery() == 0)
                .map(step -> new RunCheckpoints.Saved(out, step, List.of(), Optional.empty()));
    }
}
