package io.millrace.optim.participation;

import io.millrace.memory.BadInputException;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.random.Philox4x32;
import io.millrace.optim.random.StreamIds;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;

/**
 * A fixed share of the layers, drawn anew for each step without replacement, each by a weight of
 * its own (as OwLore does, arXiv 2405.18380, by the outliers in a layer). Layer l has the key
 * {@code −ln(u_l) / w_l} with u_l uniform by the step's seed, and the least keys have a part.
 *
 * @param frozen share of the layers that a step leaves out, in [0, 1)
 * @param frozenEnds whether embedding, final norm and head have no part in any step
 * @param weights one a layer, finite and not below 0; a layer of weight 0 never has a part
 */
public record WeightedLayers(double frozen, boolean frozenEnds, List<Double> weights)
        implements Participation {
    /** The name on the command line and in the journal. */
    public static final String NAME = "weighted";

    /** A weight for each layer. */
    public static final Option<List<Double>> WEIGHTS =
            Option.named("block-weights", LayerWeights.TYPE)
                    .label("W0,W1,...")
                    .help(
                            "How likely each layer is to have a part, with --blocks weighted or"
                                    + " owlore: numbers, or the file of 'millrace outliers'.")
                    .limit(
                            new Limit<>(
                                    WeightedLayers::areWeights,
                                    weights -> weights + " are no weights",
                                    "give a number of at least 0 for each layer, one of them above"
                                            + " 0"))
                    .decidesBytes()
                    .build();

    private static final double WORDS = 0x1p32;

    /** Checks the numbers and freezes the weights. */
    public WeightedLayers {
        weights = List.copyOf(weights);
        if (!(frozen >= 0 && frozen < 1) || !areWeights(weights)) {
            throw new IllegalArgumentException("share " + frozen + ", weights " + weights);
        }
    }

    static boolean areWeights(List<Double> weights) {
        return weights.stream().allMatch(weight -> Double.isFinite(weight) && weight >= 0)
                && weights.stream().anyMatch(weight -> weight > 0);
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public ActiveParts parts(long step, long stepSeed, ModelUnits units) {
        return ActiveParts.of(layers(stepSeed, units.layers()), !frozenEnds);
    }

    @Override
    public void require(int layers) {
        requireOne(weights, layers);
    }

    /** Checks that there is a weight for each layer. */
    static void requireOne(List<Double> weights, int layers) {
        if (weights.size() != layers) {
            throw new BadInputException(
                    WEIGHTS.spelled(),
                    weights.size() + " weights for " + layers + " layers",
                    "give " + layers);
        }
    }

    private record Key(double key, int layer) {}

    /** The layers of the step of a seed, of so many. */
    public BitSet layers(long stepSeed, int layers) {
        List<Key> keys = new ArrayList<>(layers);
        for (int layer = 0; layer < layers; layer++) {
            double weight = weights.get(layer);
            if (weight > 0) {
                long pair = Philox4x32.pair(stepSeed, layer, 0, StreamIds.WEIGHTED_LAYERS, 0);
                double uniform = (Integer.toUnsignedLong((int) pair) + 0.5) / WORDS;
                keys.add(new Key(-StrictMath.log(uniform) / weight, layer));
            }
        }
        keys.sort(Comparator.comparingDouble(Key::key).thenComparingInt(Key::layer));
        BitSet chosen = new BitSet(layers);
        keys.stream()
                .limit(RandomLayers.active(frozen, layers))
                .forEach(key -> chosen.set(key.layer));
        return chosen;
    }
}
