package io.millrace.executor;

import io.millrace.executor.config.TuneConfig;
import io.millrace.optim.Journal;
import io.millrace.optim.JournalReader;
import io.millrace.optim.QueryResult;
import io.millrace.optim.StepRecord;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** A run whose model is saved: going on with it has nothing to do, or begins from that model. */
final class FinishedRun {
    /** In {@code run.json}: the step whose weights the model beside it has. */
    static final String SAVED_STEP = "saved_step";

    private FinishedRun() {}

    /** The step whose weights, all updates folded, the folder's model has; empty without one. */
    static Optional<Long> savedStep(Path folder) {
        boolean whole =
                Leftovers.entries(folder).stream()
                        .anyMatch(entry -> entry.toString().endsWith(".safetensors"));
        return RunFolder.runFile(folder)
                .filter(fields -> whole && fields.has(SAVED_STEP))
                .map(fields -> fields.integer(SAVED_STEP));
    }

    /** The end of a run that is asked to go on and has done all its steps; nothing is touched. */
    static Optional<RunSummary> summary(TuneConfig config) {
        Path folder = config.output().out();
        Optional<Long> saved = config.output().resume() ? savedStep(folder) : Optional.empty();
        if (saved.filter(step -> step == config.arithmetic().steps()).isEmpty()) {
            return Optional.empty();
        }
        Journal journal = JournalReader.read(RunFolder.journal(folder));
        if (journal.lastStep() != saved.get()) {
            return Optional.empty();
        }
        RunSetup.requireSameRun(config);
        List<EvalResult> evaluations = evaluations(RunFolder.metrics(folder));
        return Optional.of(
                new RunSummary(
                        folder,
                        journal.lastStep(),
                        loss(journal.records().getLast()),
                        evaluations.isEmpty() ? null : evaluations.getFirst(),
                        evaluations.isEmpty() ? null : evaluations.getLast(),
                        false,
                        true));
    }

    /** The mean of a step's losses. */
    static double loss(StepRecord record) {
        double loss = 0;
        for (QueryResult query : record.queries()) {
            loss += (query.lossPlus() + query.lossMinus()) / 2 / record.queries().size();
        }
        return loss;
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
                                    fields.number("eval_accuracy", Double.NaN),
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
