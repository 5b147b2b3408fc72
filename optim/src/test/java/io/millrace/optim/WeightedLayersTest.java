package io.millrace.optim;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.optim.participation.ModelUnits;
import io.millrace.optim.participation.Participations;
import io.millrace.optim.participation.WeightedLayers;
import io.millrace.optim.random.Philox4x32;
import io.millrace.optim.random.SplitMix64;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Layers that are drawn by weight: by the rule, and as often as the weights say. */
class WeightedLayersTest {
    private static final List<Double> WEIGHTS = List.of(1.0, 0.0, 3.0, 4.0);

    @Test
    void theLeastKeysHaveAPart() {
        for (long step = 1; step <= 50; step++) {
            long seed = SplitMix64.output(5, step);
            List<Integer> order = new ArrayList<>(List.of(0, 2, 3));
            order.sort(
                    Comparator.comparingDouble(layer -> {
                        long word = Philox4x32.pair(seed, layer, 0, 0x4D69, 0) & 0xFFFF_FFFFL;
                        return -StrictMath.log((word + 0.5) / 4294967296.0) / WEIGHTS.get(layer);
                    }));
            BitSet two = new BitSet();
            two.set(order.get(0));
            two.set(order.get(1));
            assertThat(new WeightedLayers(0.5, false, WEIGHTS).layers(seed, 4)).isEqualTo(two);
        }
    }

    /** The first of a draw falls on a layer with probability w / Σ w. */
    @Test
    void oneLayerComesAsOftenAsItsWeightSays() {
        WeightedLayers one = new WeightedLayers(0.75, true, WEIGHTS);
        int[] counts = new int[4];
        int draws = 8000;
        for (long step = 1; step <= draws; step++) {
            BitSet chosen = one.layers(SplitMix64.output(11, step), 4);
            assertThat(chosen.cardinality()).isEqualTo(1);
            counts[chosen.nextSetBit(0)]++;
        }
        for (int layer = 0; layer < 4; layer++) {
            double share = WEIGHTS.get(layer) / 8;
            double deviation = Math.sqrt(draws * share * (1 - share));
            assertThat(Math.abs(counts[layer] - draws * share))
                    .as("layer %d", layer)
                    .isLessThanOrEqualTo(4 * deviation);
        }
        assertThat(one.parts(1, 1, new ModelUnits(4, false)).head()).isFalse();
    }

    @Test
    void noMoreThanThoseOfAWeightHaveAPart() {
        BitSet only = new BitSet();
        only.set(2);
        assertThat(new WeightedLayers(0, false, List.of(0.0, 0.0, 2.0)).layers(1, 3))
                .isEqualTo(only);
        assertThat(Participations.KINDS.named("weighted").options())
                .contains(WeightedLayers.WEIGHTS);
    }
}
