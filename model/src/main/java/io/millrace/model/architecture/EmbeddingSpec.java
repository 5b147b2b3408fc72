package io.millrace.model.architecture;

import io.millrace.model.spec.LinearSpec;

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
 */
record EmbeddingSpec(
        String tokens,
        int width,
        String positions,
        int positionRows,
        int positionOffset,
        LinearSpec projection,
        float scale) {}
