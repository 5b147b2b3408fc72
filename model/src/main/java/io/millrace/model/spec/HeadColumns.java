package io.millrace.model.spec;

/**
 * Where the heads of one kind lie in a row of projections: head h at column {@code start + h /
 * group · stride + h % group · inner}.
 *
 * @param count how many there are
 * @param start column of the first
 * @param stride columns from a group to the next; from a head to the next where it is alone in it
 * @param group heads of a group
 * @param inner columns from a head to the next of the same group
 */
public record HeadColumns(int count, int start, int stride, int group, int inner) {
    /** Checks that there is a group. */
    public HeadColumns {
        if (group < 1) {
            throw new IllegalArgumentException("groups of " + group + " heads");
        }
    }

    /** Column of a head. */
    public int column(int head) {
        return start + head / group * stride + head % group * inner;
    }

    /** Heads that are all as far apart. */
    public HeadColumns(int count, int start, int stride) {
        this(count, start, stride, 1, 0);
    }
}
