package io.millrace.optim.journal;

import io.millrace.memory.BadInputException;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.random.SplitMix64;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Reads a journal and checks every line of it. A last line without its line feed is what a crash
 * leaves in the middle of an append: it is counted, not read. Anything else that is not as it was
 * written is an error.
 */
public final class JournalReader {
    private static final String MEND = "restore the file from a copy, or start the run anew";

    private final Path file;
    private final long most;
    private final List<StepRecord> records = new ArrayList<>();
    private JournalHeader header;
    private int version;
    private long identity;

    private JournalReader(Path file, long most) {
        this.file = file;
        this.most = most;
    }

    /**
     * Reads a whole journal.
     *
     * @throws BadInputException when the file cannot be read, or a line is not as it was written
     */
    public static Journal read(Path file) {
        JournalSurvey survey = survey(file);
        if (survey.damage().isPresent()) {
            throw survey.damage().get();
        }
        return survey.journal();
    }

    /**
     * Reads a journal as it was after a step, whatever lies behind: what is written to it next
     * takes the place of that.
     *
     * @param step the last that is read, 0 for the header alone
     * @throws BadInputException when the file cannot be read, or a line that is read is not as it
     *     was written
     */
    public static Journal readThrough(Path file, long step) {
        JournalSurvey survey = survey(file, step);
        if (survey.damage().isPresent()) {
            throw survey.damage().get();
        }
        return survey.journal();
    }

    /**
     * Reads a journal up to the first line that is not as it was written, if there is one.
     *
     * @throws BadInputException when the file cannot be read, or its header is no header
     */
    public static JournalSurvey survey(Path file) {
        return survey(file, Long.MAX_VALUE);
    }

    private static JournalSurvey survey(Path file, long most) {
        try (JournalLines lines = new JournalLines(file)) {
            return new JournalReader(file, most).read(lines);
        } catch (NoSuchFileException e) {
            throw new BadInputException(file.toString(), "no such file", "name a journal.jsonl");
        } catch (IOException e) {
            throw new BadInputException(
                    file.toString(), "cannot be read: " + e.getMessage(), "make it readable");
        }
    }

    private JournalSurvey read(JournalLines lines) throws IOException {
        long wholeBytes = 0;
        try {
            for (String line = lines.next();
                    line != null && (header == null || records.size() < most);
                    line = lines.next()) {
                if (header != null && line.indexOf(0) >= 0) {
                    return new JournalSurvey(
                            journal(wholeBytes, bytesUntilTheEnd(lines, wholeBytes)),
                            Optional.empty());
                }
                take(line);
                wholeBytes = lines.wholeBytes();
            }
        } catch (JsonFormatException e) {
            int lineNumber = header == null ? 1 : records.size() + 2;
            BadInputException damage =
                    new BadInputException(file + ", line " + lineNumber, e.getMessage(), MEND);
            if (header == null) {
                throw damage;
            }
            return new JournalSurvey(journal(wholeBytes, 0), Optional.of(damage));
        }
        if (header == null) {
            throw new BadInputException(file.toString(), "the journal has no whole header", MEND);
        }
        return new JournalSurvey(journal(wholeBytes, lines.tornBytes()), Optional.empty());
    }

    /**
     * The length of a tail that a loss of power has left: a file may have grown by pages that were
     * never written, which then read as zeros. Nobody was told that such a line is on the disk.
     *
     * @throws JsonFormatException where a line follows, for it was begun after the tail was durable
     */
    private static long bytesUntilTheEnd(JournalLines lines, long wholeBytes) throws IOException {
        long end = lines.wholeBytes();
        if (lines.next() != null) {
            throw new JsonFormatException("the line has zeros in it, and others follow");
        }
        return end - wholeBytes + lines.tornBytes();
    }

    private void take(String line) {
        JsonObject fields = JournalLine.open(line);
        if (header == null) {
            header = JournalHeader.fromFields(fields);
            version = JournalHeader.version(fields);
            identity = JournalLine.identity(line);
        } else {
            records.add(next(JournalLine.toRecord(fields, version)));
        }
    }

    private StepRecord next(StepRecord record) {
        long step = records.size() + 1L;
        if (record.step() != step) {
            throw new JsonFormatException("step " + record.step() + " where " + step + " is due");
        }
        long seed = SplitMix64.output(header.runSeed(), step);
        if (record.seed() != seed) {
            throw new JsonFormatException(
                    "seed "
                            + JournalLine.hex(record.seed())
                            + " where run_seed makes "
                            + JournalLine.hex(seed)
                            + ": the line is another run's");
        }
        return record;
    }

    private Journal journal(long wholeBytes, long tornBytes) {
        return new Journal(header, version, identity, records, wholeBytes, tornBytes);
    }
}
