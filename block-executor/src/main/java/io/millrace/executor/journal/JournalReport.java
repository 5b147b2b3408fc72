package io.millrace.executor.journal;

import io.millrace.memory.BadInputException;
import io.millrace.model.Checkpoint;
import io.millrace.optim.journal.Journal;
import io.millrace.optim.journal.JournalHeader;
import io.millrace.optim.journal.JournalReader;
import io.millrace.optim.journal.JournalSurvey;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What a journal tells of its run, damaged or not.
 *
 * @param file the journal
 * @param version of its format
 * @param identity number of the run
 * @param header its fields as they stand in the file, without the checksum
 * @param figures of the whole steps; empty where there is none
 * @param wholeBytes bytes of the whole lines
 * @param tornBytes bytes behind them that a crash left of an unfinished line
 * @param damage the first line that is not as it was written; the figures end before it
 * @param base what is known of the base
 */
public record JournalReport(
        Path file,
        int version,
        long identity,
        Map<String, Object> header,
        Optional<JournalFigures> figures,
        long wholeBytes,
        long tornBytes,
        Optional<BadInputException> damage,
        Optional<Base> base) {

    /**
     * A model folder that may be the run's base.
     *
     * @param folder the folder
     * @param fingerprint of its weights
     * @param fits whether the run began from them
     */
    public record Base(Path folder, String fingerprint, boolean fits) {}

    /**
     * Reads a journal.
     *
     * @param file the journal
     * @param model a folder to compare with the run's base; all its weights are read
     * @throws BadInputException when the file cannot be read, or its header is damaged
     */
    public static JournalReport of(Path file, Optional<Path> model) {
        JournalSurvey survey = JournalReader.survey(file);
        Journal journal = survey.journal();
        return new JournalReport(
                file,
                journal.version(),
                journal.identity(),
                header(journal),
                JournalFigures.of(journal.records()),
                journal.wholeBytes(),
                journal.tornBytes(),
                survey.damage(),
                model.map(folder -> base(folder, journal)));
    }

    private static Map<String, Object> header(Journal journal) {
        Map<String, Object> fields = new LinkedHashMap<>(journal.header().fields().fields());
        fields.put(JournalHeader.VERSION_FIELD, journal.version());
        return fields;
    }

    private static Base base(Path folder, Journal journal) {
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            String fingerprint = checkpoint.scan().fingerprint();
            return new Base(folder, fingerprint, fingerprint.equals(journal.header().base()));
        }
    }

    /** Whole steps of the journal. */
    public long steps() {
        return figures.map(JournalFigures::steps).orElse(0L);
    }
}
