package io.millrace.optim.participation;

import java.util.BitSet;

/** Every layer, in every step. */
public final class AllLayers implements Participation {
    /** The name on the command line and in the journal. */
    public static final String NAME = "all";

    /** It holds no state. */
    public AllLayers() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean isWhole() {
        return true;
    }

    @Override
    public Rhythm rhythm(ModelUnits units) {
        return Rhythm.round(1, 1);
    }

    @Override
    public ActiveParts parts(long step, long stepSeed, ModelUnits units) {
        BitSet all = new BitSet(units.layers());
        all.set(0, units.layers());
        return ActiveParts.of(all, true);
    }
}
