package io.millrace.model.architecture.decoder;

import io.millrace.model.spec.LinearSpec;

/** The attention part of a layer. */
public sealed interface AttentionPart permits AttentionSpec, LatentAttentionSpec {
    /** From the heads' values to the hidden size. */
    LinearSpec output();
}
