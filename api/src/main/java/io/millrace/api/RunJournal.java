package io.millrace.api;

import io.millrace.executor.journal.JournalFigures;
import io.millrace.executor.journal.JournalReport;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What a run's journal tells.
 *
 * @param header every option that decides the run's bytes, by the names of the file
 * @param steps that are whole
 * @param firstLoss of the first step; NaN where there is none
 * @param lastLoss of the last
 * @param damage the first line that is not as it was written, and why, if there is one
 */
public record RunJournal(
        Map<String, Object> header,
        long steps,
        double firstLoss,
        double lastLoss,
        Optional<String> damage) {
    /** Freezes the header. */
    public RunJournal {
        header = Collections.unmodifiableMap(new LinkedHashMap<>(header));
    }

    /**
     * Reads a journal.
     *
     * @param file {@code journal.jsonl} of a run
     * @throws io.millrace.memory.BadInputException where it cannot be read, or its header is damaged
     */
    public static RunJournal read(Path file) {
        JournalReport report = JournalReport.of(file, Optional.empty());
        Optional<JournalFigures.Ends> losses = report.figures().map(JournalFigures::loss);
        return new RunJournal(
                report.header(),
                report.steps(),
                losses.map(JournalFigures.Ends::first).orElse(Double.NaN),
                losses.map(JournalFigures.Ends::last).orElse(Double.NaN),
                report.damage().map(Throwable::getMessage));
    }
}
