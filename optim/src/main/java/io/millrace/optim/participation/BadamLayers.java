package io.millrace.optim.participation;

import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.random.SeededShuffle;
import io.millrace.optim.random.StreamIds;
import java.util.BitSet;

/**
 * One layer for some steps, then another; the ends never (BAdam, arXiv 2404.02827, Algorithm 1). A
 * layer begins without states whenever its turn comes. Each has all of its steps, where the
 * published code leaves one out of the first layer's.
 *
 * @param every steps of a turn, at least 1
 * @param order of the layers in a round
 * @param runSeed shuffles them, each round anew
 */
public record BadamLayers(int every, LayerTurns order, long runSeed) implements Participation {
    /** The name on the command line and in the journal. */
    public static final String NAME = "badam";

    /** Steps of a turn. */
    public static final Option<Integer> EVERY =
            Option.named("badam-every", OptionTypes.INTEGER)
                    .label("K")
                    .help("Steps for which --blocks badam trains one layer, before the next.")
                    .usual(100)
                    .limit(Limit.atLeast(1))
                    .decidesBytes()
                    .build();

    /** The order of layers. */
    public static final Option<LayerTurns> ORDER =
            Option.named("badam-order", OptionTypes.oneOf(LayerTurns.values()))
                    .label("descending|ascending|random")
                    .help(
                            "Order in which --blocks badam goes through the layers; random is drawn"
                                    + " anew for each round.")
                    .usual(LayerTurns.DESCENDING)
                    .decidesBytes()
                    .build();

    /** Checks the number. */
    public BadamLayers {
        if (every < 1) {
            throw new IllegalArgumentException("turns of " + every + " steps");
        }
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean keepsStates() {
        return false;
    }

    @Override
    public ActiveParts parts(long step, long stepSeed, ModelUnits units) {
        int count = units.layers();
        BitSet layers = new BitSet(count);
        if (count > 0) {
            long turn = (step - 1) / every;
            layers.set(layer(turn / count, (int) (turn % count), count));
        }
        return ActiveParts.of(layers, false);
    }

    @Override
    public Rhythm rhythm(ModelUnits units) {
        return Rhythm.round(every, Math.max(1, units.layers()));
    }

    private int layer(long round, int place, int count) {
        return switch (order) {
            case DESCENDING -> count - 1 - place;
            case ASCENDING -> place;
            case RANDOM ->
                    SeededShuffle.permutation(count, runSeed, round, StreamIds.BLOCK_ORDER)[place];
        };
    }
}
