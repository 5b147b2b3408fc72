package io.millrace.optim.participation;

import io.millrace.memory.BadInputException;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.random.Philox4x32;
import io.millrace.optim.random.StreamIds;
import java.util.BitSet;
import java.util.List;

/**
 * Both ends, and a few layers that are drawn anew every so many steps, each by a weight of its own
 * (OwLore, arXiv 2405.18380, section 3.2): one after another without replacement, with the weights
 * of those that are left made to sum up to 1, as the published code draws. Draw i takes the layer
 * at which the sum of weights passes {@code u_i} of the whole, u by the seed of the period's first
 * step. What a weight is of, such as the outliers in a layer, is for the run to say; that the paper
 * projects the layers' gradients is the optimizer's matter.
 *
 * @param count layers that are drawn, at least 1
 * @param every steps of a period, at least 1
 * @param left what becomes of states
 * @param weights one a layer, finite and not below 0; as many as are drawn are above 0
 * @param runSeed makes the seeds of steps
 */
public record OwloreLayers(
        int count, int every, LeftStates left, List<Double> weights, long runSeed)
        implements Participation {
    /** The name on the command line and in the journal. */
    public static final String NAME = "owlore";

    /** Layers that are drawn. */
    public static final Option<Integer> LAYERS =
            Option.named("owlore-layers", OptionTypes.INTEGER)
                    .label("N")
                    .help("Layers that --blocks owlore draws.")
                    .usual(5)
                    .limit(Limit.atLeast(1))
                    .decidesBytes()
                    .build();

    /** Steps of a period. */
    public static final Option<Integer> EVERY =
            Option.named("owlore-every", OptionTypes.INTEGER)
                    .label("K")
                    .help("Steps from one draw of --blocks owlore to the next.")
                    .usual(50)
                    .limit(Limit.atLeast(1))
                    .decidesBytes()
                    .build();

    private static final int SPARE_BITS = 11; // of 64, beyond the 53 of a double

    /** Checks the numbers and freezes the weights. */
    public OwloreLayers {
        weights = List.copyOf(weights);
        if (count < 1 || every < 1 || !WeightedLayers.areWeights(weights)) {
            throw new IllegalArgumentException(
                    count + " layers, every " + every + " steps, weights " + weights);
        }
        long likely = weights.stream().filter(weight -> weight > 0).count();
        if (likely < count) {
            throw new BadInputException(
                    LAYERS.spelled(),
                    count + " cannot be drawn where " + likely + " have a weight above 0",
                    "give at most " + likely + ", or other " + WeightedLayers.WEIGHTS.spelled());
        }
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean keepsStates() {
        return left == LeftStates.KEEP;
    }

    @Override
    public void require(int layers) {
        WeightedLayers.requireOne(weights, layers);
    }

    @Override
    public ActiveParts parts(long step, long stepSeed, ModelUnits units) {
        long seed = LisaLayers.seed(runSeed, step, every);
        double[] rest = weights.stream().mapToDouble(Double::doubleValue).toArray();
        BitSet layers = new BitSet(rest.length);
        for (int draw = 0; draw < count; draw++) {
            long word = Philox4x32.pair(seed, draw, 0, StreamIds.WEIGHTED_LAYERS, 0);
            int layer = drawn(rest, (double) (word >>> SPARE_BITS) * 0x1p-53);
            layers.set(layer);
            rest[layer] = 0;
        }
        return ActiveParts.of(layers, true);
    }

    @Override
    public Rhythm rhythm(ModelUnits units) {
        return Rhythm.drawn(every);
    }

    /** The layer at which the sum of weights passes a share of all. */
    private static int drawn(double[] weights, double share) {
        double all = 0;
        for (double weight : weights) {
            all += weight;
        }
        double passed = 0;
        int last = -1;
        for (int layer = 0; layer < weights.length; layer++) {
            if (weights[layer] > 0) {
                passed += weights[layer];
                last = layer;
                if (passed > share * all) {
                    return layer;
                }
            }
        }
        return last; // rounding alone leads here
    }
}
