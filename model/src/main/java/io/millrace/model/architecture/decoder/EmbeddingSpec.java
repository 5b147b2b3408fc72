package io.millrace.model.architecture.decoder;

import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.NormSpec;
import io.millrace.model.spec.TableSpec;

/**
 * Token embedding, and what happens before the first layer: {@code h = project(scale · tokens[id])
 * + positions[position + positionOffset]}.
 *
 * @param tokens name of the table [vocab, width]
 * @param width columns of the token table; the hidden size unless there is a projection
 * @param positions name of the learned table [positionRows, hidden], or null
 * @param positionRows rows of the learned table, 0 without one
 * @param positionOffset added to a position before it is looked up (2 in OPT)
 * @param projection from width to the hidden size, or null
 * @param scale factor on the token embedding, 1 in most models
 * @param finish what is done to all of it
 */
public record EmbeddingSpec(
        String tokens,
        int width,
        String positions,
        int positionRows,
        int positionOffset,
        LinearSpec projection,
        float scale,
        Finish finish) {
    /**
     * What the first layer gets of it.
     *
     * @param norm on it, or null (OPT)
     * @param segments name of the table [segmentRows, hidden] whose row 0 every token has added
     *     before, or null (Bloom)
     * @param segmentRows how many there are
     * @param skipsPadding whether positions count the tokens that are not the padding token alone
     *     (RoBERTa)
     * @param relative what every layer reads beside it, or null
     */
    public record Finish(
            NormSpec norm,
            String segments,
            int segmentRows,
            boolean skipsPadding,
            Relative relative) {
        /** What layers read of it alone. */
        public Finish(NormSpec norm, String segments, int segmentRows, boolean skipsPadding) {
            this(norm, segments, segmentRows, skipsPadding, null);
        }

        /** Of a decoder. */
        public static final Finish PLAIN = new Finish(null, null, 0, false);
    }

    /**
     * A table of relative positions that all layers share.
     *
     * @param table a row for each
     * @param norm of these, or null
     */
    public record Relative(TableSpec table, NormSpec norm) {}

    /** A table of tokens as wide as the residual stream, and nothing else. */
    public static EmbeddingSpec tokens(String name, int width, float scale) {
        return new EmbeddingSpec(name, width, null, 0, 0, null, scale, Finish.PLAIN);
    }

    /**
     * A table of tokens and one of positions.
     *
     * @param rows of the table of positions, which is looked up where the position says
     */
    public static EmbeddingSpec withPositions(String name, int width, String positions, int rows) {
        return new EmbeddingSpec(name, width, positions, rows, 0, null, 1, Finish.PLAIN);
    }

    /** The same with a norm behind it. */
    public EmbeddingSpec normed(NormSpec behind) {
        return new EmbeddingSpec(
                tokens,
                width,
                positions,
                positionRows,
                positionOffset,
                projection,
                scale,
                new Finish(
                        behind,
                        finish.segments,
                        finish.segmentRows,
                        finish.skipsPadding,
                        finish.relative));
    }
}
