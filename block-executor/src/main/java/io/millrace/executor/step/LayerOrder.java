package io.millrace.executor.step;

import io.millrace.model.spec.LayerSpec;
import io.millrace.model.spec.MlpSpec;
import io.millrace.model.spec.NormSpec;

/** The order in which the parts of a block run, whatever runs them. */
public final class LayerOrder {
    private LayerOrder() {}

    /** The parts of one block over a micro-batch, for every scale of a probe. */
    public interface Parts {
        /** Leaves the norm of the hidden states where {@link #attend} and {@link #expand} read. */
        void norm(NormSpec spec);

        /** Leaves the hidden states themselves there. */
        void passOn();

        /** Norms the hidden states in place. */
        void normInPlace(NormSpec spec);

        /** Everything of the attention part but its output projection. */
        void attend();

        /** Adds what attention left to the hidden states. */
        void addAttention();

        /** The feed-forward part up to its inner states. */
        void expand(MlpSpec spec);

        /** Adds what the inner states give to the hidden states. */
        void addMlp();
    }

    /** Runs one block. */
    public static void run(LayerSpec layer, Parts parts) {
        switch (layer.order()) {
            case PRE -> {
                parts.norm(layer.attentionNorm());
                parts.attend();
                parts.addAttention();
                parts.norm(layer.mlpNorm());
                parts.expand(layer.mlp());
                parts.addMlp();
            }
            case POST -> {
                parts.passOn();
                parts.attend();
                parts.addAttention();
                parts.normInPlace(layer.attentionNorm());
                parts.passOn();
                parts.expand(layer.mlp());
                parts.addMlp();
                parts.normInPlace(layer.mlpNorm());
            }
            case PARALLEL -> {
                parts.norm(layer.attentionNorm());
                parts.attend();
                // Both parts read the hidden state before either adds to it.
                parts.norm(layer.mlpNorm());
                parts.expand(layer.mlp());
                parts.addAttention();
                parts.addMlp();
            }
        }
    }
}
