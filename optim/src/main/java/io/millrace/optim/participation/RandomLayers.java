package io.millrace.optim.participation;

import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.random.SeededShuffle;
import java.util.BitSet;

/**
 * A fixed share of the layers, drawn anew for each step (LeZO, arXiv 2410.09823): the first of a
 * permutation that the step's seed makes, {@code round((1 − frozen) L)} of L and at least one.
 *
 * @param frozen share of the layers that a step leaves out, in [0, 1)
 * @param frozenEnds whether embedding, final norm and head have no part in any step
 */
public record RandomLayers(double frozen, boolean frozenEnds) implements Participation {
    /** The name on the command line and in the journal. */
    public static final String NAME = "random";

    /** The share that a step leaves out; that of LeZO's authors as usual. */
    public static final Option<Double> FROZEN =
            Option.named("frozen-blocks", OptionTypes.NUMBER)
                    .label("F")
                    .help(
                            "Share of the layers that a step leaves out, with --blocks random or weighted.")
                    .usual(0.75)
                    .limit(
                            new Limit<>(
                                    share -> share >= 0 && share < 1,
                                    share -> share + " is not at least 0 and below 1",
                                    "give a number such as 0.75"))
                    .decidesBytes()
                    .build();

    /** Whether all steps leave the ends out. */
    public static final Option<Boolean> FROZEN_ENDS =
            Option.named("frozen-ends", OptionTypes.FLAG)
                    .help(
                            "Leave embedding, final norm and head out of every step: what lies"
                                    + " before a step's first layer is then computed once.")
                    .usualUnsaid(false)
                    .decidesBytes()
                    .saidUnlessUsual()
                    .build();

    /** Layers of which the ends always have a part in a step. */
    public RandomLayers(double frozen) {
        this(frozen, false);
    }

    /** Checks the share. */
    public RandomLayers {
        if (!(frozen >= 0 && frozen < 1)) {
            throw new IllegalArgumentException("share " + frozen);
        }
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public ActiveParts parts(long step, long stepSeed, ModelUnits units) {
        return ActiveParts.of(layers(stepSeed, units.layers()), !frozenEnds);
    }

    /** The layers of the step of a seed, of so many. */
    public BitSet layers(long stepSeed, int layers) {
        int[] order = SeededShuffle.permutation(layers, stepSeed, 0);
        BitSet chosen = new BitSet(layers);
        for (int i = 0; i < active(frozen, layers); i++) {
            chosen.set(order[i]);
        }
        return chosen;
    }

    /** Layers that have a part where a share of them is left out. */
    static int active(double frozen, int layers) {
        return Math.clamp(Math.round((1 - frozen) * layers), Math.min(1, layers), layers);
    }
}
