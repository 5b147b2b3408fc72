package io.millrace.model.architecture.decoder;

import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.NormSpec;

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
 * @param norm on what the first layer gets, or null (Bloom)
 * @param encoder what an encoder has besides, or null
 */
public record EmbeddingSpec(
        String tokens,
        int width,
        String positions,
        int positionRows,
        int positionOffset,
        LinearSpec projection,
        float scale,
        NormSpec norm,
        OfEncoder encoder) {
    /**
     * What an encoder's embedding has besides.
     *
     * @param segments name of the table [segmentRows, hidden], whose row 0 every token has added
     * @param segmentRows how many there are
     * @param skipsPadding whether positions count the tokens that are not the padding token alone
     *     (RoBERTa)
     */
    public record OfEncoder(String segments, int segmentRows, boolean skipsPadding) {}

    /** An embedding as decoders have it. */
    public EmbeddingSpec(
            String tokens,
            int width,
            String positions,
            int positionRows,
            int positionOffset,
            LinearSpec projection,
            float scale,
            NormSpec norm) {
        this(tokens, width, positions, positionRows, positionOffset, projection, scale, norm, null);
    }

    /** A table of tokens as wide as the residual stream, and nothing else. */
    public static EmbeddingSpec tokens(String name, int width, float scale) {
        return new EmbeddingSpec(name, width, null, 0, 0, null, scale, null);
    }

    /**
     * A table of tokens and one of positions.
     *
     * @param rows of the table of positions, which is looked up where the position says
     */
    public static EmbeddingSpec withPositions(String name, int width, String positions, int rows) {
        return new EmbeddingSpec(name, width, positions, rows, 0, null, 1, null);
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
                behind,
                encoder);
    }
}
