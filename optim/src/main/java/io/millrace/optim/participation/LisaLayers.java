package io.millrace.optim.participation;

import io.millrace.memory.BadInputException;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.random.SeededShuffle;
import io.millrace.optim.random.SplitMix64;
import java.util.BitSet;

/**
 * Both ends, and a few layers that are drawn anew every so many steps, each as likely as any other
 * (LISA, arXiv 2403.17919, Algorithm 1): the first of a permutation that the seed of the period's
 * first step makes. The published code keeps the states of layers that leave, the paper counts on
 * less memory than that takes: either is an option.
 *
 * @param count layers that are drawn, at least 1
 * @param every steps of a period, at least 1
 * @param left what becomes of states
 * @param runSeed makes the seeds of steps
 */
public record LisaLayers(int count, int every, LeftStates left, long runSeed)
        implements Participation {
    /** The name on the command line and in the journal. */
    public static final String NAME = "lisa";

    /** Layers that are drawn. */
    public static final Option<Integer> LAYERS =
            Option.named("lisa-layers", OptionTypes.INTEGER)
                    .label("N")
                    .help("Layers that --blocks lisa draws.")
                    .usual(2)
                    .limit(Limit.atLeast(1))
                    .decidesBytes()
                    .build();

    /** Steps of a period. */
    public static final Option<Integer> EVERY =
            Option.named("lisa-every", OptionTypes.INTEGER)
                    .label("K")
                    .help("Steps from one draw of --blocks lisa to the next.")
                    .usual(20)
                    .limit(Limit.atLeast(1))
                    .decidesBytes()
                    .build();

    /** What becomes of states. */
    public static final Option<LeftStates> STATES =
            Option.named("lisa-states", OptionTypes.oneOf(LeftStates.values()))
                    .label("keep|drop")
                    .help(
                            "Whether layers that --blocks lisa or owlore has drawn once keep what"
                                    + " the optimizer knows of them, or begin anew.")
                    .usual(LeftStates.KEEP)
                    .decidesBytes()
                    .build();

    /** Checks the numbers. */
    public LisaLayers {
        if (count < 1 || every < 1) {
            throw new IllegalArgumentException(count + " layers, every " + every + " steps");
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
        if (count > layers) {
            throw new BadInputException(
                    LAYERS.spelled(),
                    count + " cannot be drawn of " + layers,
                    "give at most " + layers);
        }
    }

    @Override
    public ActiveParts parts(long step, long stepSeed, ModelUnits units) {
        int[] order = SeededShuffle.permutation(units.layers(), seed(runSeed, step, every), 0);
        BitSet layers = new BitSet(units.layers());
        for (int i = 0; i < Math.min(count, order.length); i++) {
            layers.set(order[i]);
        }
        return ActiveParts.of(layers, true);
    }

    @Override
    public Rhythm rhythm(ModelUnits units) {
        return Rhythm.drawn(every);
    }

    /** The seed of the first step of a period. */
    static long seed(long runSeed, long step, int every) {
        return SplitMix64.output(runSeed, step - (step - 1) % every);
    }
}
