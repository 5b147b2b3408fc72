package io.millrace.optim.journal;

import io.millrace.optim.estimate.StepRecord;
import java.util.List;

/**
 * A journal as it was read.
 *
 * @param header what the run says about itself
 * @param version of the format that the header names
 * @param identity of the run: {@link JournalHeader#identity()} of the header line as it stands in
 *     the file
 * @param records the whole records, steps 1, 2, … without a gap
 * @param wholeBytes where the last whole line ends in the file, its line feed included
 * @param tornBytes bytes behind it that a crash left of an unfinished line; 0 for none
 */
public record Journal(
        JournalHeader header,
        int version,
        long identity,
        List<StepRecord> records,
        long wholeBytes,
        long tornBytes) {
    /** Freezes the records. */
    public Journal {
        records = List.copyOf(records);
    }

    /** The last step, 0 before the first. */
    public long lastStep() {
        return records.size();
    }

    /** Such as {@code 120 whole records, torn tail of 37 bytes}. */
    public String describe() {
        String whole = records.size() + " whole records";
        return tornBytes == 0 ? whole : whole + ", torn tail of " + tornBytes + " bytes";
    }
}
