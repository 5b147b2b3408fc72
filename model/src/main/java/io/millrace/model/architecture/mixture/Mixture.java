package io.millrace.model.architecture.mixture;

import io.millrace.model.architecture.decoder.ExpertsSpec;
import io.millrace.model.architecture.decoder.MlpSpec;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.spec.ExpertSpec;
import io.millrace.model.spec.GatedUnit;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.RouteSpec;
import io.millrace.model.spec.Slices;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * The experts of a configuration's layers.
 *
 * @param config the configuration
 * @param names of all tensors, which say whether experts have tensors of their own; or none
 * @param hidden width of the residual stream
 * @param inner width between the matrices of an expert
 * @param route how a token chooses
 * @param unit how gates meet what they gate
 */
record Mixture(
        ModelConfig config,
        Set<String> names,
        int hidden,
        int inner,
        RouteSpec route,
        GatedUnit unit) {
    private static final int MOST_EXPERTS = 4096;
    private static final String CHOSEN = "num_experts_per_tok";

    /** What the matrices of an expert are called. */
    record Names(String gate, String up, String down) {
        /** As the dense models of the family call theirs. */
        static final Names LLAMA = new Names("gate_proj", "up_proj", "down_proj");

        /** As Mistral's own code calls them. */
        static final Names MIXTRAL = new Names("w1", "w3", "w2");
    }

    /**
     * What the tensors are called that hold one matrix of all experts of a layer, which is how
     * transformers holds them in memory.
     *
     * @param both gates and what they gate, in a matrix for each expert
     * @param down back to the stream's width
     * @param biased whether each has biases, under the same name and {@code _bias}
     * @param inputMajor whether matrices are stored input-major
     */
    record Joined(String both, String down, boolean biased, boolean inputMajor) {
        /** As most of its classes have them. */
        static final Joined USUAL =
                new Joined("experts.gate_up_proj", "experts.down_proj", false, false);
    }

    /** The number of experts. */
    static int experts(ModelConfig config, String field) {
        return config.positiveUpTo(field, MOST_EXPERTS);
    }

    /** A route to so many of the experts as the configuration says. */
    static RouteSpec route(ModelConfig config, int experts, boolean normed) {
        return new RouteSpec(experts, chosen(config, experts), normed, 1);
    }

    /** How many experts a token takes. */
    static int chosen(ModelConfig config, int experts) {
        int chosen = config.positive(CHOSEN);
        if (chosen > experts) {
            throw config.bad(CHOSEN, "is " + chosen + ", more than the " + experts + " experts");
        }
        return chosen;
    }

    /**
     * The groups that a token chooses first; empty where there is one.
     *
     * @param best how many of its greatest shares a group is worth
     */
    static Optional<RouteSpec.Groups> groups(ModelConfig config, int experts, int best) {
        int count = config.positive("n_group");
        int taken = config.positive("topk_group");
        int size = experts / count;
        if (experts % count != 0 || size < best) {
            throw config.bad(
                    "n_group", "is " + count + ", which does not part " + experts + " experts");
        }
        if (taken > count) {
            throw config.bad("topk_group", "is " + taken + ", more than the " + count + " groups");
        }
        int chosen = chosen(config, experts);
        if ((long) taken * size < chosen) {
            throw config.bad(
                    "topk_group",
                    "is " + taken + ", whose groups have fewer than " + chosen + " experts");
        }
        return count == 1 || taken == count
                ? Optional.empty()
                : Optional.of(new RouteSpec.Groups(count, taken, best));
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
    ExpertsSpec of(String prefix, Names matrices) {
        return of(prefix, matrices, null, null);
    }

    /**
     * The experts of a layer, one by one or joined.
     *
     * @param prefix of {@code gate} and {@code experts}
     * @param shared what every token takes, or null
     * @param sharedGate makes its gate, or null
     */
    ExpertsSpec of(String prefix, Names matrices, MlpSpec shared, LinearSpec sharedGate) {
        LinearSpec router = router(prefix + "gate", false);
        return names.contains(prefix + Joined.USUAL.both)
                ? joined(router, prefix, Joined.USUAL, shared, sharedGate)
                : each(
                        router,
                        expert -> single(prefix + "experts." + expert + ".", matrices),
                        shared,
                        sharedGate);
    }

    /** The experts of a layer, in tensors that hold those of all. */
    ExpertsSpec joined(
            LinearSpec router,
            String prefix,
            Joined tensors,
            MlpSpec shared,
            LinearSpec sharedGate) {
        return each(
                router,
                expert ->
                        new ExpertSpec(
                                null,
                                slice(prefix + tensors.both, expert, hidden, both(), tensors),
                                slice(prefix + tensors.down, expert, inner, hidden, tensors)),
                shared,
                sharedGate);
    }

    /** The router of a name. */
    LinearSpec router(String module, boolean biased) {
        return Parts.linear(module, hidden, route.experts(), biased);
    }

    /** A part of so many experts' width that every token takes. */
    MlpSpec shared(String prefix, int count, boolean biased) {
        int width = config.product("the experts' width and n_shared_experts", inner, count);
        return new MlpSpec(
                Parts.linear(prefix + "gate_proj", hidden, width, biased),
                Parts.linear(prefix + "up_proj", hidden, width, biased),
                Parts.linear(prefix + "down_proj", width, hidden, biased),
                unit.activation());
    }

    private int both() {
        return config.product("the experts' width and 2", inner, 2);
    }

    private ExpertsSpec each(
            LinearSpec router,
            IntFunction<ExpertSpec> expert,
            MlpSpec shared,
            LinearSpec sharedGate) {
        List<ExpertSpec> experts = IntStream.range(0, route.experts()).mapToObj(expert).toList();
        return new ExpertsSpec(router, route, experts, unit, shared, sharedGate);
    }

    private ExpertSpec single(String prefix, Names matrices) {
        return new ExpertSpec(
                Parts.linear(prefix + matrices.gate, hidden, inner, false),
                Parts.linear(prefix + matrices.up, hidden, inner, false),
                Parts.linear(prefix + matrices.down, inner, hidden, false));
    }

    private static LinearSpec slice(
            String tensor, int expert, int inputs, int outputs, Joined tensors) {
        return new LinearSpec(
                Slices.name(tensor, expert),
                tensors.biased ? Slices.name(tensor + "_bias", expert) : null,
                inputs,
                outputs,
                tensors.inputMajor);
    }
}
