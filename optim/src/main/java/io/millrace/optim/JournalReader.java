package io.millrace.optim;

import io.millrace.memory.BadInputException;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads a journal and checks every line of it. A last line without its line feed is what a crash
 * leaves in the middle of an append: it is counted, not read. Anything else that is not as it was
 * written is an error.
 */
public final class JournalReader {
    private static final String MEND = "restore the file from a copy, or start the run anew";

    private JournalReader() {}

    /**
     * Reads a whole journal.
     *
     * @throws BadInputException when the file cannot be read, or a line is not as it was written
     */
    public static Journal read(Path file) {
        byte[] bytes;
        try {
            bytes = Files.readAllBytes(file);
        } catch (NoSuchFileException e) {
            throw new BadInputException(file.toString(), "no such file", "name a journal.jsonl");
        } catch (IOException e) {
            throw new BadInputException(
                    file.toString(), "cannot be read: " + e.getMessage(), "make it readable");
        }
        JournalHeader header = null;
        List<StepRecord> records = new ArrayList<>();
        int start = 0;
        for (int end = lineEnd(bytes, 0); end >= 0; end = lineEnd(bytes, start)) {
            String line = new String(bytes, start, end - start, StandardCharsets.UTF_8);
            try {
                JsonObject fields = JournalLine.open(line);
                if (header == null) {
                    header = JournalHeader.fromFields(fields);
                } else {
                    records.add(next(JournalLine.toRecord(fields), records.size() + 1L));
                }
            } catch (JsonFormatException e) {
                int lineNumber = header == null ? 1 : records.size() + 2;
                throw new BadInputException(file + ", line " + lineNumber, e.getMessage(), MEND);
            }
            start = end + 1;
        }
        if (header == null) {
            throw new BadInputException(file.toString(), "the journal has no whole header", MEND);
        }
        return new Journal(header, records, start, bytes.length - start);
    }

    private static StepRecord next(StepRecord record, long step) {
        if (record.step() != step) {
            throw new JsonFormatException("step " + record.step() + " where " + step + " is due");
        }
        return record;
    }

    private static int lineEnd(byte[] bytes, int start) {
        for (int i = start; i < bytes.length; i++) {
            if (bytes[i] == '\n') {
                return i;
            }
        }
        return -1;
    }
}
