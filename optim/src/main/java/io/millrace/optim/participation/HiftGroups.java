package io.millrace.optim.participation;

import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.random.SeededShuffle;
import io.millrace.optim.random.StreamIds;
import java.util.BitSet;
import java.util.stream.IntStream;

/**
 * One group of a model's units a step, each in its turn (HiFT, arXiv 2401.15207, Algorithm 1). The
 * units are the embedding, each layer, and the head with its norm; a tied head belongs to the
 * embedding. Groups are fixed, as in the paper, and the last of a cycle may be short: the published
 * code's queue drifts where the group's size does not divide the units.
 *
 * @param size units of a group, at least 1
 * @param order of the units
 * @param runSeed shuffles them
 */
public record HiftGroups(int size, UnitOrder order, long runSeed) implements Participation {
    /** The name on the command line and in the journal. */
    public static final String NAME = "hift";

    /** Units of a group. */
    public static final Option<Integer> GROUP =
            Option.named("hift-group", OptionTypes.INTEGER)
                    .label("M")
                    .help(
                            "Parts of a model that a step of --blocks hift trains: embedding, each"
                                    + " layer, head.")
                    .usual(1)
                    .limit(Limit.atLeast(1))
                    .decidesBytes()
                    .build();

    /** Their order. */
    public static final Option<UnitOrder> ORDER =
            Option.named("hift-order", OptionTypes.oneOf(UnitOrder.values()))
                    .label("bottom-up|top-down|random")
                    .help(
                            "Order in which --blocks hift goes through the parts of a model; random"
                                    + " is shuffled once.")
                    .usual(UnitOrder.BOTTOM_UP)
                    .decidesBytes()
                    .build();

    /** Checks the size. */
    public HiftGroups {
        if (size < 1) {
            throw new IllegalArgumentException("groups of " + size);
        }
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public ActiveParts parts(long step, long stepSeed, ModelUnits units) {
        int[] queue = queue(count(units));
        int first = (int) ((step - 1) % groups(units)) * size;
        int end = Math.min(queue.length, first + size);
        BitSet layers = new BitSet(units.layers());
        boolean embedding = false;
        boolean head = false;
        for (int place = first; place < end; place++) {
            int unit = queue[place];
            if (unit == 0) {
                embedding = true;
                head |= units.tied();
            } else if (unit <= units.layers()) {
                layers.set(unit - 1);
            } else {
                head = true;
            }
        }
        return new ActiveParts(embedding, layers, head);
    }

    @Override
    public Rhythm rhythm(ModelUnits units) {
        return Rhythm.round(1, groups(units));
    }

    /** The cycle's number: in one cycle all units take a step at the same rate. */
    @Override
    public long tick(long step, ModelUnits units) {
        return (step - 1) / groups(units) + 1;
    }

    private int groups(ModelUnits units) {
        return (count(units) - 1) / size + 1;
    }

    private static int count(ModelUnits units) {
        return units.layers() + (units.tied() ? 1 : 2);
    }

    private int[] queue(int count) {
        return switch (order) {
            case BOTTOM_UP -> IntStream.range(0, count).toArray();
            case TOP_DOWN -> IntStream.range(0, count).map(i -> count - 1 - i).toArray();
            case RANDOM -> SeededShuffle.permutation(count, runSeed, 0, StreamIds.BLOCK_ORDER);
        };
    }
}
