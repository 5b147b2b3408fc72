package io.millrace.model.spec;

/**
 * The heads of attention over a latent vector. A query or key has a part that stays as it is and
 * behind it one that turns, which in keys is the same for all heads.
 *
 * @param count how many heads
 * @param still elements of the part that stays
 * @param turned elements of the part that turns
 * @param value elements of a value
 */
public record LatentHeads(int count, int still, int turned, int value) {
    /** Elements of a query, and of a key. */
    public int dim() {
        return still + turned;
    }

    /** Columns of all queries. */
    public int queryWidth() {
        return count * dim();
    }

    /** Columns of what is expanded of the latent vector. */
    public int expandedWidth() {
        return count * (still + value);
    }

    /** Columns of queries, keys and values beside each other. */
    public int rowWidth() {
        return 2 * queryWidth() + count * value;
    }

    /** Where they lie in such a row. */
    public HeadsSpec heads() {
        return new HeadsSpec(
                dim(),
                new HeadColumns(count, 0, dim()),
                new HeadColumns(count, queryWidth(), dim()),
                new HeadColumns(count, 2 * queryWidth(), value),
                value);
    }

    /** Where the parts that turn lie in it. */
    public HeadsSpec turning() {
        return new HeadsSpec(
                turned,
                new HeadColumns(count, still, dim()),
                new HeadColumns(count, queryWidth() + still, dim()),
                new HeadColumns(count, 2 * queryWidth(), value),
                value);
    }
}
