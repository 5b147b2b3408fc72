package io.millrace.model.text.data;

import io.millrace.model.text.Dataset;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.List;

/**
 * What was read, and what became of it.
 *
 * @param data the examples
 * @param files that they are from
 * @param rows that were read, or lines of running text
 * @param skipped rows that were left out
 * @param cutExamples examples that did not fit whole
 * @param cutTokens tokens that they lost together
 */
public record Reading(
        Dataset data,
        List<Path> files,
        long rows,
        SkippedRows skipped,
        int cutExamples,
        long cutTokens) {
    private static final System.Logger LOG = System.getLogger(Reading.class.getName());

    /** Freezes the list. */
    public Reading {
        files = List.copyOf(files);
    }

    /** The examples; rows that were left out are told to the log. */
    public Dataset told() {
        if (skipped.count() > 0) {
            LOG.log(Level.WARNING, "{0}", skipped.line());
        }
        return data;
    }
}
