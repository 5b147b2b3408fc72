package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.decoder.ExpertsSpec;
import io.millrace.model.architecture.decoder.MlpSpec;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.spec.Activation;
import io.millrace.model.spec.ExpertSpec;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.RouteSpec;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * The experts of a configuration's layers.
 *
 * @param config the configuration
 * @param hidden width of the residual stream
 * @param inner width between the matrices of an expert
 * @param route how a token chooses
 */
record Mixture(ModelConfig config, int hidden, int inner, RouteSpec route) {
    private static final int MOST_EXPERTS = 4096;

    /** What the matrices of an expert are called. */
    record Names(String gate, String up, String down) {
        /** As the dense models of the family call theirs. */
        static final Names LLAMA = new Names("gate_proj", "up_proj", "down_proj");

        /** As Mistral's own code calls them. */
        static final Names MIXTRAL = new Names("w1", "w3", "w2");
    }

    /** The number of experts. */
    static int experts(ModelConfig config, String field) {
        return config.positiveUpTo(field, MOST_EXPERTS);
    }

    /** A route to so many of the experts as the configuration says. */
    static RouteSpec route(ModelConfig config, int experts, boolean normed) {
        String field = "num_experts_per_tok";
        int chosen = config.positive(field);
        if (chosen > experts) {
            throw config.bad(field, "is " + chosen + ", more than the " + experts + " experts");
        }
        return new RouteSpec(experts, chosen, normed, 1);
    }

    /** The layers that have experts, where some may be named that have none. */
    static IntPredicate layers(ModelConfig config) {
        int step = config.positive("decoder_sparse_step");
        Set<Object> dense = new HashSet<>(config.list("mlp_only_layers"));
        if (!dense.stream().allMatch(Long.class::isInstance)) {
            throw config.bad("mlp_only_layers", "is no list of numbers of layers");
        }
        return layer -> !dense.contains((long) layer) && (layer + 1) % step == 0;
    }

    /** The experts of a layer, and nothing beside them. */
    ExpertsSpec of(String prefix, Names names, Activation activation) {
        return of(prefix, names, activation, null, null);
    }

    /**
     * The experts of a layer.
     *
     * @param prefix of {@code gate} and {@code experts}
     * @param shared what every token takes, or null
     * @param sharedGate makes its gate, or null
     */
    ExpertsSpec of(
            String prefix,
            Names names,
            Activation activation,
            MlpSpec shared,
            LinearSpec sharedGate) {
        List<ExpertSpec> experts =
                IntStream.range(0, route.experts())
                        .mapToObj(expert -> expert(prefix + "experts." + expert + ".", names))
                        .toList();
        LinearSpec router = Parts.linear(prefix + "gate", hidden, route.experts(), false);
        return new ExpertsSpec(router, route, experts, activation, shared, sharedGate);
    }

    private ExpertSpec expert(String prefix, Names names) {
        return new ExpertSpec(
                Parts.linear(prefix + names.gate, hidden, inner, false),
                Parts.linear(prefix + names.up, hidden, inner, false),
                Parts.linear(prefix + names.down, inner, hidden, false));
    }
}
