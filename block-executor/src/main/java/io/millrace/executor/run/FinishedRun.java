package io.millrace.executor.run;

import io.millrace.executor.config.Metric;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.spread.Workers;
import io.millrace.optim.journal.Journal;
import io.millrace.optim.journal.JournalReader;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A run whose model is saved: going on with it has nothing to do, or begins from that model.
 *
 * @param steps that it did
 * @param keptStep the step whose weights, all updates folded, the folder's model has
 */
public record FinishedRun(long steps, long keptStep) {
    private static final String STEPS = "done_steps";
    private static final String KEPT_STEP = "kept_step";
    private static final String LOSS = "loss";
    private static final String FLAT_STEPS = "flat_steps";

    /** What {@code run.json} says of a folder's model; empty where there is none for certain. */
    static Optional<FinishedRun> of(Path folder) {
        boolean whole =
                Leftovers.entries(folder).stream()
                        .anyMatch(entry -> entry.toString().endsWith(".safetensors"));
        return RunFolder.runFile(folder)
                .filter(fields -> whole && fields.has(STEPS) && fields.has(KEPT_STEP))
                .map(fields -> new FinishedRun(fields.integer(STEPS), fields.integer(KEPT_STEP)));
    }

    /** Puts it into what becomes {@code run.json}. */
    void addTo(Map<String, Object> fields) {
        fields.put(STEPS, steps);
        fields.put(KEPT_STEP, keptStep);
    }

    /**
     * The end of a run that is asked to go on where worker 0 has done all its steps and saved the
     * model; nothing is touched.
     */
    public static Optional<RunSummary> summary(TuneConfig config, Workers workers) {
        Optional<RunSummary> own = workers.leads() ? summary(config) : Optional.empty();
        JsonObject first = workers.meetings().begin(own.map(FinishedRun::words).orElse(Map.of()));
        if (workers.leads() || !first.has(STEPS)) {
            return own;
        }
        return Optional.of(
                new RunSummary(
                        config.output().out(),
                        first.integer(STEPS),
                        first.number(LOSS),
                        first.integer(FLAT_STEPS),
                        null,
                        null,
                        first.integer(KEPT_STEP),
                        RunSummary.End.ALREADY_DONE));
    }

    private static Map<String, Object> words(RunSummary run) {
        return Map.of(
                STEPS,
                run.stepsDone(),
                LOSS,
                run.lastLoss(),
                FLAT_STEPS,
                run.flatSteps(),
                KEPT_STEP,
                run.keptStep());
    }

    /** The end of a run that is asked to go on and has done all its steps; nothing is touched. */
    public static Optional<RunSummary> summary(TuneConfig config) {
        Path folder = config.output().out();
        Optional<FinishedRun> end = config.output().resume() ? of(folder) : Optional.empty();
        if (end.filter(run -> run.steps == config.arithmetic().steps()).isEmpty()) {
            return Optional.empty();
        }
        Journal journal = JournalReader.read(RunFolder.journal(folder));
        if (journal.lastStep() != end.get().steps) {
            return Optional.empty();
        }
        RunSetup.requireSameRun(config);
        List<EvalResult> evaluations = evaluations(RunFolder.metrics(folder));
        return Optional.of(
                new RunSummary(
                        folder,
                        journal.lastStep(),
                        journal.records().getLast().loss(),
                        RunSummary.flat(journal.records()),
                        evaluations.isEmpty() ? null : evaluations.getFirst(),
                        evaluations.isEmpty() ? null : evaluations.getLast(),
                        end.get().keptStep,
                        RunSummary.End.ALREADY_DONE));
    }

    private static List<EvalResult> evaluations(Path metrics) {
        List<EvalResult> found = new ArrayList<>();
        try (Stream<String> lines = Files.lines(metrics)) {
            for (String line : (Iterable<String>) lines::iterator) {
                JsonObject fields = Json.parseObject(line);
                if (fields.has("eval_loss")) {
                    found.add(
                            new EvalResult(
                                    fields.number("eval_loss"),
                                    fields.number(Metric.ACCURACY.field(), Double.NaN),
                                    fields.number(Metric.F1.field(), Double.NaN),
                                    fields.number(Metric.EXACT_MATCH.field(), Double.NaN),
                                    0,
                                    0));
                }
            }
            return found;
        } catch (IOException e) {
            throw new UncheckedIOException(metrics + " cannot be read", e);
        } catch (JsonFormatException e) {
            return found; // a line that a crash cut off; what came before it counts
        }
    }
}
