package io.millrace.memory;

/**
 * A packed matrix whose scales may be tuned: it can be read with others in the place of those that
 * are stored.
 */
public interface ScaledFormat extends PackedFormat {
    /** Which of the parts has the scales: one for each group of each row. */
    int scalesPart();

    /** Groups of a row. */
    int groups();

    /** Whether the scales of a row follow one another; else those of a group do. */
    boolean scalesByRow();

    /**
     * What reads tiles with other scales, and the stored codes and zero points. For one thread.
     *
     * @param scales asked anew for every tile
     */
    TileReader reader(Given scales);

    /** Scales that are given, of rows and groups. */
    @FunctionalInterface
    interface Given {
        /** The scale of a group of a row. */
        float at(int row, int group);
    }
}
