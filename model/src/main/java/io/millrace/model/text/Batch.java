package io.millrace.model.text;

import io.millrace.memory.BadInputException;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * Rows of different lengths, one behind the other without padding. The positions of row r run from
 * 0 to {@code sequenceStarts[r + 1] - sequenceStarts[r] - 1}.
 *
 * @param ids the tokens of all rows
 * @param targets for each token the id that it should predict, the label of the next token of its
 *     row or, where examples say so, its own; {@link Example#NOT_SCORED} where nothing is scored
 * @param sequenceStarts the index of each row's first token, then the number of tokens
 * @param source for each token its index in the padded rectangle or in the batch that it was taken
 *     from
 */
@SuppressWarnings("ArrayRecordComponent") // shared and never written; copies would cost heap
public record Batch(int[] ids, int[] targets, int[] sequenceStarts, int[] source) {

    /** Checks that the arrays belong together. */
    public Batch {
        int rows = sequenceStarts.length - 1;
        if (rows < 1
                || ids.length != targets.length
                || ids.length != source.length
                || sequenceStarts[0] != 0
                || sequenceStarts[rows] != ids.length) {
            throw new IllegalArgumentException(
                    ids.length
                            + " ids, "
                            + targets.length
                            + " targets, "
                            + source.length
                            + " sources, starts "
                            + Arrays.toString(sequenceStarts));
        }
        for (int row = 0; row < rows; row++) {
            if (sequenceStarts[row] >= sequenceStarts[row + 1]) {
                throw new IllegalArgumentException("row " + row + " is empty");
            }
        }
    }

    /** A row for each example, at least one. */
    public static Batch of(List<Example> examples) {
        int[] starts = new int[examples.size() + 1];
        for (int row = 0; row < examples.size(); row++) {
            starts[row + 1] = Math.addExact(starts[row], examples.get(row).length());
        }
        int tokens = starts[examples.size()];
        int[] ids = new int[tokens];
        int[] targets = new int[tokens];
        int[] source = new int[tokens];
        Arrays.setAll(source, i -> i);
        for (int row = 0; row < examples.size(); row++) {
            Example example = examples.get(row);
            int length = example.length();
            System.arraycopy(example.ids(), 0, ids, starts[row], length);
            int first = example.firstLabel();
            System.arraycopy(example.labels(), first, targets, starts[row], length - first);
            if (first > 0) {
                targets[starts[row] + length - 1] = Example.NOT_SCORED;
            }
        }
        return new Batch(ids, targets, starts, source);
    }

    /**
     * The tokens of a padded rectangle, whose padding may be on either side or in between. Tokens
     * that the mask leaves out are dropped as if they had never been there: neither attended to,
     * nor counted as positions, nor scored.
     *
     * @param ids [rows, cols]
     * @param mask [rows, cols], 0 where there is padding, else 1; null when there is none
     * @param labels [rows, cols], aligned with the ids; null when every token is scored, or of
     *     labels in place none
     * @param inPlace whether a token should predict its own label, and not that of the next one
     * @throws BadInputException when a row has no token, the mask has other values, or an id or a
     *     label does not fit
     */
    public static Batch ofPadded(
            long[] ids, long[] mask, long[] labels, int rows, int cols, boolean inPlace) {
        int cells = Math.multiplyExact(rows, cols);
        requireCells("input_ids", ids, cells);
        requireCells("attention_mask", mask, cells);
        requireCells("labels", labels, cells);
        int[] kept = new int[cells];
        int[] starts = new int[rows + 1];
        int count = 0;
        for (int row = 0; row < rows; row++) {
            for (int cell = row * cols; cell < (row + 1) * cols; cell++) {
                if (isKept(mask, cell, row)) {
                    kept[count++] = cell;
                }
            }
            if (count == starts[row]) {
                throw new BadInputException(
                        "attention_mask", "row " + row + " has no token", "remove the row");
            }
            starts[row + 1] = count;
        }
        int[] source = Arrays.copyOf(kept, count);
        int[] packed = new int[count];
        int[] targets = new int[count];
        Arrays.fill(targets, Example.NOT_SCORED);
        for (int row = 0; row < rows; row++) {
            for (int i = starts[row]; i < starts[row + 1]; i++) {
                packed[i] = id("input_ids", ids, source[i], 0);
                boolean given = labels != null;
                int label = given ? id("labels", labels, source[i], Example.NOT_SCORED) : packed[i];
                if (inPlace && given) {
                    targets[i] = label;
                } else if (!inPlace && i > starts[row]) {
                    targets[i - 1] = label;
                }
            }
        }
        return new Batch(packed, targets, starts, source);
    }

    /** The number of rows. */
    public int rows() {
        return sequenceStarts.length - 1;
    }

    /** The number of tokens in all rows. */
    public int tokens() {
        return ids.length;
    }

    /** The number of tokens in a row. */
    public int length(int row) {
        return sequenceStarts[row + 1] - sequenceStarts[row];
    }

    /** The number of tokens in the longest row. */
    public int maxLength() {
        int longest = 0;
        for (int row = 0; row < rows(); row++) {
            longest = Math.max(longest, length(row));
        }
        return longest;
    }

    /** The number of tokens whose prediction is scored. */
    public int scoredTokens() {
        int scored = 0;
        for (int target : targets) {
            if (target != Example.NOT_SCORED) {
                scored++;
            }
        }
        return scored;
    }

    /** Some of the rows as a batch of their own, with the sources that they had. */
    public Batch slice(int rowFrom, int rowTo) {
        Objects.checkFromToIndex(rowFrom, rowTo, rows());
        if (rowFrom == rowTo) {
            throw new IllegalArgumentException("no rows from " + rowFrom + " to " + rowTo);
        }
        int from = sequenceStarts[rowFrom];
        int to = sequenceStarts[rowTo];
        int[] starts = Arrays.copyOfRange(sequenceStarts, rowFrom, rowTo + 1);
        for (int i = 0; i < starts.length; i++) {
            starts[i] -= from;
        }
        return new Batch(
                Arrays.copyOfRange(ids, from, to),
                Arrays.copyOfRange(targets, from, to),
                starts,
                Arrays.copyOfRange(source, from, to));
    }

    private static boolean isKept(long[] mask, int cell, int row) {
        if (mask == null || mask[cell] == 1) {
            return true;
        }
        if (mask[cell] != 0) {
            throw new BadInputException(
                    "attention_mask", "row " + row + " has the value " + mask[cell], "use 0 and 1");
        }
        return false;
    }

    private static int id(String tensor, long[] values, int cell, int lowest) {
        long value = values[cell];
        if (value >= lowest && value <= Integer.MAX_VALUE && (value >= 0 || value == lowest)) {
            return (int) value;
        }
        throw new BadInputException(
                tensor, "has the value " + value, "use token ids" + (lowest < 0 ? " or -100" : ""));
    }

    private static void requireCells(String tensor, long[] values, int cells) {
        if (values == null ? tensor.equals("input_ids") : values.length != cells) {
            throw new IllegalArgumentException(tensor + " does not have " + cells + " elements");
        }
    }
}
