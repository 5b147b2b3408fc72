package io.millrace.model.architecture.decoder;

/** The feed-forward part of a layer: one for all tokens, or experts that each token chooses of. */
public sealed interface FeedForward permits MlpSpec, ExpertsSpec {}
