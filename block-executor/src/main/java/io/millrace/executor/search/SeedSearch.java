package io.millrace.executor.search;

import io.millrace.executor.Evaluation;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.EvalConfig;
import io.millrace.executor.config.Metric;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.objective.Scoring;
import io.millrace.executor.place.BlockOrigin;
import io.millrace.executor.place.ModelSession;
import io.millrace.executor.place.RunningModel;
import io.millrace.executor.run.EvalResult;
import io.millrace.executor.run.TrainingData;
import io.millrace.executor.step.Arithmetic;
import io.millrace.executor.step.DivergedException;
import io.millrace.executor.step.ScratchSize;
import io.millrace.memory.BadInputException;
import io.millrace.model.CheckpointWriter;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.text.Dataset;
import io.millrace.optim.estimate.Questions;
import io.millrace.optim.journal.Journal;
import io.millrace.optim.journal.JournalReader;
import io.millrace.optim.journal.JournalWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Random search in the neighbourhood of a model: directions are scored at θ + εz on all of the
 * data, and the result is θ + (ε/K) Σ z over the K best. The base is only read, and nothing is
 * learned of one direction for the next: a baseline for methods that take steps.
 *
 * <p>The result is one step of a journal, so that a replay makes it again; scores lie in a journal
 * of their own, so that a search goes on after a stop.
 */
public final class SeedSearch {
    private static final String JOURNAL = "journal.jsonl";

    private SeedSearch() {}

    /**
     * Searches.
     *
     * @param config what to try
     * @param listener is asked whether to stop after each pass
     * @param progress hears how far it is
     * @throws io.millrace.memory.BadInputException when the input is refused
     * @throws DivergedException when no direction, or too few, have values that are numbers
     */
    public static SearchResult run(
            SearchConfig config, RunListener listener, Consumer<String> progress) {
        if (config.resume()) {
            requireUnfinished(config.out());
        } else {
            CheckpointWriter.checkEmpty(config.out());
        }
        EvalResult before = evaluate(config, config.model());
        Searched searched = search(config, listener, progress);
        boolean interrupted = searched.interrupted();
        EvalResult after = interrupted ? null : evaluate(config, config.out());
        return new SearchResult(
                searched.base(),
                searched.scores(),
                config.choice().keep(),
                before,
                after,
                interrupted);
    }

    private static EvalResult evaluate(SearchConfig config, Path model) {
        SearchConfig.Data data = config.data();
        return data.heldOut()
                .map(file ->
                        Evaluation.run(
                                new EvalConfig(
                                        model,
                                        file,
                                        Metric.LOSS,
                                        data.task(),
                                        data.batchSize(),
                                        config.memory())))
                .orElse(null);
    }

    private record Searched(double base, List<DirectionScore> scores, boolean interrupted) {}

    private static Searched search(
            SearchConfig config, RunListener listener, Consumer<String> progress) {
        ArithmeticConfig arithmetic = config.arithmetic();
        arithmetic.trained().requireOwn("a search");
        try (ModelSession session =
                ModelSession.open(config.model(), arithmetic, config.memory())) {
            Scoring scoring = session.own(scoring(config, session.checkpoint().program()));
            Arithmetic folding = Arithmetic.of(arithmetic);
            Replay.requireRoom(session, folding, "the result", "");
            CheckpointWriter.checkWritable(config.out(), session.layout().weightBytes());
            String base = session.checkpoint().scan().fingerprint();
            BlockOrigin origin = BlockOrigin.of(session.checkpoint(), session.layout());
            SearchJournal journal = new SearchJournal(config, base, scoring);
            double atTheta;
            List<DirectionScore> ranked;
            try (RunningModel model =
                            session.plan(size(config, scoring), folding, origin, false)
                                    .start(Optional.empty(), 1);
                    ScoreFile found = ScoreFile.open(config, journal.header())) {
                DirectionScorer scorer =
                        new DirectionScorer(
                                model.forward(), scoring, config, session.layout().parts());
                boolean all = scorer.score(found, listener, progress);
                atTheta = found.base();
                ranked = ranked(found.scores());
                if (!all) {
                    return new Searched(atTheta, ranked, true);
                }
            }
            List<DirectionScore> kept = ranked.subList(0, config.choice().keep());
            if (!Double.isFinite(kept.getLast().value())) {
                throw new DivergedException(
                        "fewer than "
                                + kept.size()
                                + " directions have values that are numbers; lower --eps");
            }
            save(config.out(), session, journal, atTheta, kept);
            return new Searched(atTheta, ranked, false);
        }
    }

    /** The best first, of equals the earlier; NaN comes last. */
    private static List<DirectionScore> ranked(List<DirectionScore> scores) {
        return scores.stream().sorted(Comparator.comparingDouble(DirectionScore::value)).toList();
    }

    private static void requireUnfinished(Path out) {
        try (Stream<Path> entries = Files.list(out)) {
            if (entries.anyMatch(entry -> entry.toString().endsWith(".safetensors"))) {
                throw new BadInputException(
                        "--resume", out + " holds the model already", "give another folder");
            }
        } catch (NoSuchFileException e) {
            // That there is no search to go on with is said when its scores are looked for.
        } catch (IOException e) {
            throw new UncheckedIOException(out + " cannot be listed", e);
        }
    }

    private static Scoring scoring(SearchConfig config, ModelProgram program) {
        SearchConfig.Data data = config.data();
        Dataset read = TrainingData.read(data.file(), data.task(), config.model(), program);
        return Scoring.of(
                config.arithmetic().objective(),
                read,
                data.batchSize(),
                new Scoring.Place(data.file(), config.model(), program.maxPositions()));
    }

    private static ScratchSize size(SearchConfig config, Scoring scoring) {
        int together = Math.min(config.choice().together(), config.choice().directions());
        int batch = Math.min(config.data().batchSize(), scoring.examples());
        int sequences = Scoring.sequences(batch, scoring.sequencesEach());
        // One more, for θ itself.
        Questions questions = new Questions(List.of(new Questions.Group(together + 1, 1)), 1);
        return Scoring.size(
                config.arithmetic().objective(),
                sequences,
                sequences,
                scoring.longest(),
                questions);
    }

    /** The journal comes first: with the base, it is all that the model is. */
    private static void save(
            Path out,
            ModelSession session,
            SearchJournal journal,
            double base,
            List<DirectionScore> kept) {
        Path file = out.resolve(JOURNAL);
        deleteLeftover(file);
        try (JournalWriter writer = JournalWriter.create(file, journal.header())) {
            writer.append(journal.record(base, kept));
            writer.force();
        }
        Journal read = JournalReader.read(file);
        Replay.rebuild(
                session.checkpoint(),
                session.tuned(),
                file,
                read,
                1,
                out,
                session.ledger(),
                session.givenBeside());
    }

    /** A stop between journal and model has left it. */
    private static void deleteLeftover(Path journal) {
        try {
            Files.deleteIfExists(journal);
        } catch (IOException e) {
            throw new UncheckedIOException(journal + " cannot be deleted", e);
        }
    }
}
