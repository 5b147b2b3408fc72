package io.millrace.optim.participation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import io.millrace.optim.option.Settings;
import io.millrace.optim.random.Philox4x32;
import io.millrace.optim.random.SplitMix64;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** What each schedule gives a part in which step, written out. */
final class BlockSchedulesTest {
    private static final long SEED = 42;

    /** Parts of a step such as {@code E02H}: ends and layers; the step's seed must not matter. */
    private static String parts(Participation blocks, long step, ModelUnits units) {
        ActiveParts parts = blocks.parts(step, 5, units);
        assertThat(blocks.parts(step, 6, units)).isEqualTo(parts);
        String layers =
                parts.layers().stream().mapToObj(String::valueOf).collect(Collectors.joining());
        return (parts.embedding() ? "E" : "") + layers + (parts.head() ? "H" : "");
    }

    private static List<String> steps(Participation blocks, int count, ModelUnits units) {
        return LongStream.rangeClosed(1, count)
                .mapToObj(step -> parts(blocks, step, units))
                .toList();
    }

    private static List<String> repeated(int times, List<String> texts) {
        List<String> all = new ArrayList<>();
        texts.forEach(text -> IntStream.range(0, times).forEach(_ -> all.add(text)));
        return all;
    }

    private static Participation made(String name, Settings values) {
        return Participations.KINDS.make(name, values, SEED);
    }

    /** All steps of a turn have the same parts, and in the next round all comes as often again. */
    @Test
    void turnsAreAsLongAsTheyAreSaidToBe() {
        ModelUnits units = new ModelUnits(3, false);
        assertThat(new HiftGroups(2, UnitOrder.RANDOM, SEED).rhythm(units))
                .isEqualTo(Rhythm.round(1, 3));
        assertThat(new BadamLayers(4, LayerTurns.RANDOM, SEED).rhythm(units))
                .isEqualTo(Rhythm.round(4, 3));
        assertThat(new LisaLayers(1, 4, LeftStates.KEEP, SEED).rhythm(units))
                .isEqualTo(Rhythm.drawn(4));
        for (Participation blocks :
                List.of(
                        new AllLayers(),
                        new HiftGroups(1, UnitOrder.TOP_DOWN, SEED),
                        new HiftGroups(2, UnitOrder.RANDOM, SEED),
                        new BadamLayers(4, LayerTurns.RANDOM, SEED),
                        new LisaLayers(1, 4, LeftStates.KEEP, SEED),
                        new OwloreLayers(2, 3, LeftStates.KEEP, List.of(1.0, 2.0, 1.0), SEED))) {
            Rhythm rhythm = blocks.rhythm(units);
            int round = rhythm.every() * rhythm.round().orElse(9);
            List<String> steps = steps(blocks, 2 * round, units);
            for (int i = 0; i < steps.size(); i++) {
                assertThat(steps.get(i)).isEqualTo(steps.get(i - i % rhythm.every()));
            }
            if (rhythm.round().isPresent()) {
                assertThat(steps.subList(0, round))
                        .containsExactlyInAnyOrderElementsOf(steps.subList(round, 2 * round));
            }
        }
    }

    @Test
    void hiftGoesThroughTheModelUnitByUnit() {
        ModelUnits units = new ModelUnits(3, false);
        assertThat(steps(made("hift", Settings.NONE), 7, units))
                .containsExactly("E", "0", "1", "2", "H", "E", "0");
        assertThat(steps(new HiftGroups(1, UnitOrder.TOP_DOWN, 0), 6, units))
                .containsExactly("H", "2", "1", "0", "E", "H");
        assertThat(steps(new HiftGroups(1, UnitOrder.BOTTOM_UP, 0), 5, new ModelUnits(3, true)))
                .containsExactly("EH", "0", "1", "2", "EH");
        assertThat(steps(new HiftGroups(1, UnitOrder.TOP_DOWN, 0), 5, new ModelUnits(3, true)))
                .containsExactly("2", "1", "0", "EH", "2");
    }

    @Test
    void theLastGroupOfACycleMayBeShortAndGroupsDoNotDrift() {
        ModelUnits units = new ModelUnits(3, false);
        assertThat(steps(new HiftGroups(2, UnitOrder.BOTTOM_UP, 0), 6, units))
                .containsExactly("E0", "12", "H", "E0", "12", "H");
        assertThat(steps(new HiftGroups(2, UnitOrder.TOP_DOWN, 0), 4, units))
                .containsExactly("2H", "01", "E", "2H");
        assertThat(steps(new HiftGroups(3, UnitOrder.BOTTOM_UP, 0), 3, new ModelUnits(3, true)))
                .containsExactly("E01H", "2", "E01H");
        assertThat(steps(new HiftGroups(9, UnitOrder.BOTTOM_UP, 0), 2, units))
                .containsExactly("E012H", "E012H");
    }

    @Test
    void aCycleIsOneTickOfTheRate() {
        ModelUnits units = new ModelUnits(3, false);
        Participation two = new HiftGroups(2, UnitOrder.RANDOM, 0);
        assertThat(LongStream.rangeClosed(1, 7).map(step -> two.tick(step, units)))
                .containsExactly(1L, 1L, 1L, 2L, 2L, 2L, 3L);
        Participation one = new HiftGroups(1, UnitOrder.BOTTOM_UP, 0);
        assertThat(
                        LongStream.of(1, 4, 5, 8, 9)
                                .map(step -> one.tick(step, new ModelUnits(3, true))))
                .containsExactly(1L, 1L, 2L, 2L, 3L);
        assertThat(new AllLayers().tick(9, units)).isEqualTo(9);
    }

    @Test
    void hiftShufflesOnceByTheRunsSeed() {
        ModelUnits units = new ModelUnits(4, false);
        Set<List<String>> orders = new HashSet<>();
        for (long seed = 0; seed < 20; seed++) {
            Participation blocks = new HiftGroups(1, UnitOrder.RANDOM, seed);
            List<String> cycle = steps(blocks, 6, units);
            assertThat(cycle).containsExactlyInAnyOrder("E", "0", "1", "2", "3", "H");
            assertThat(steps(blocks, 12, units).subList(6, 12)).isEqualTo(cycle);
            orders.add(cycle);
        }
        assertThat(orders).hasSizeGreaterThan(10);
    }

    @Test
    void badamStaysWithALayer() {
        ModelUnits units = new ModelUnits(3, true);
        assertThat(steps(new BadamLayers(2, LayerTurns.DESCENDING, 0), 8, units))
                .isEqualTo(repeated(2, List.of("2", "1", "0", "2")));
        assertThat(steps(new BadamLayers(3, LayerTurns.ASCENDING, 0), 12, units))
                .isEqualTo(repeated(3, List.of("0", "1", "2", "0")));
        Participation usual = made("badam", Settings.NONE);
        assertThat(parts(usual, 100, units)).isEqualTo("2");
        assertThat(parts(usual, 101, units)).isEqualTo("1");
        assertThat(usual.keepsStates()).isFalse();
    }

    @Test
    void badamDrawsANewOrderForEachRound() {
        ModelUnits units = new ModelUnits(4, false);
        Participation blocks = new BadamLayers(1, LayerTurns.RANDOM, SEED);
        Set<List<String>> rounds = new HashSet<>();
        List<String> all = steps(blocks, 80, units);
        for (int round = 0; round < 20; round++) {
            List<String> order = all.subList(4 * round, 4 * round + 4);
            assertThat(order).containsExactlyInAnyOrder("0", "1", "2", "3");
            rounds.add(order);
        }
        assertThat(rounds).hasSizeGreaterThan(8);
        assertThat(steps(new BadamLayers(1, LayerTurns.RANDOM, SEED + 1), 80, units))
                .isNotEqualTo(all);
    }

    @Test
    void lisaDrawsAsASeedsPermutationAndKeepsThatForItsPeriod() {
        ModelUnits units = new ModelUnits(5, false);
        Participation blocks = new LisaLayers(2, 3, LeftStates.KEEP, SEED);
        List<String> periods = new ArrayList<>();
        for (long first = 1; first < 30; first += 3) {
            long seed = SplitMix64.output(SEED, first);
            String layers =
                    new RandomLayers(0.6)
                            .layers(seed, 5).stream()
                                    .mapToObj(String::valueOf)
                                    .collect(Collectors.joining());
            periods.add("E" + layers + "H");
        }
        assertThat(steps(blocks, 30, units)).isEqualTo(repeated(3, periods));
        assertThat(Set.copyOf(periods)).hasSizeGreaterThan(3);
        assertThat(blocks.keepsStates()).isTrue();
        Settings drop = Settings.NONE.with(LisaLayers.STATES, LeftStates.DROP);
        assertThat(made("lisa", drop)).isEqualTo(new LisaLayers(2, 20, LeftStates.DROP, SEED));
        assertThat(made("lisa", drop).keepsStates()).isFalse();
    }

    @Test
    void lisaDrawsEveryPairAlikeOften() {
        Map<String, Integer> counts = new LinkedHashMap<>();
        Participation blocks = new LisaLayers(2, 1, LeftStates.KEEP, SEED);
        steps(blocks, 6000, new ModelUnits(4, false))
                .forEach(pair -> counts.merge(pair, 1, Integer::sum));
        assertThat(counts).hasSize(6);
        assertThat(counts.values()).allSatisfy(count -> assertThat(count).isBetween(880, 1120));
    }

    /** Draws of a list that gets shorter, as numpy's choice without replacement has them. */
    @Test
    void owloreDrawsOneAfterAnotherOfWhatIsLeft() {
        List<Double> weights = List.of(1.0, 0.0, 2.0, 5.0);
        Participation blocks = new OwloreLayers(2, 4, LeftStates.DROP, weights, SEED);
        List<String> periods = new ArrayList<>();
        for (long first = 1; first < 200; first += 4) {
            List<Integer> left = new ArrayList<>(List.of(0, 2, 3));
            Set<Integer> drawn = new HashSet<>();
            for (int draw = 0; draw < 2; draw++) {
                long word =
                        Philox4x32.pair(SplitMix64.output(SEED, first), draw, 0, 0x4D69, 0) >>> 11;
                double whole = left.stream().mapToDouble(weights::get).sum();
                double at = word / 9007199254740992.0 * whole;
                int place = 0;
                while (at >= weights.get(left.get(place))) {
                    at -= weights.get(left.get(place));
                    place++;
                }
                int taken = left.get(place);
                drawn.add(taken);
                left.remove(Integer.valueOf(taken));
            }
            periods.add(
                    "E"
                            + drawn.stream()
                                    .sorted()
                                    .map(String::valueOf)
                                    .collect(Collectors.joining())
                            + "H");
        }
        assertThat(steps(blocks, 200, new ModelUnits(4, true))).isEqualTo(repeated(4, periods));
    }

    /** {2, 3} comes with 2/8 · 5/6 + 5/8 · 2/3, and so on. */
    @Test
    void owloreDrawsPairsAsOftenAsTheirWeightsSay() {
        List<Double> weights = List.of(1.0, 0.0, 2.0, 5.0);
        Participation blocks = new OwloreLayers(2, 1, LeftStates.KEEP, weights, SEED);
        Map<String, Integer> counts = new LinkedHashMap<>();
        int draws = 6000;
        steps(blocks, draws, new ModelUnits(4, false))
                .forEach(pair -> counts.merge(pair, 1, Integer::sum));
        Map<String, Double> shares =
                Map.of(
                        "E02H", 1.0 / 8 * 2 / 7 + 2.0 / 8 * 1 / 6,
                        "E03H", 1.0 / 8 * 5 / 7 + 5.0 / 8 * 1 / 3,
                        "E23H", 2.0 / 8 * 5 / 6 + 5.0 / 8 * 2 / 3);
        assertThat(counts.keySet()).isEqualTo(shares.keySet());
        shares.forEach((pair, share) -> {
            double deviation = Math.sqrt(draws * share * (1 - share));
            assertThat(Math.abs(counts.get(pair) - draws * share)).isLessThan(4 * deviation);
        });
    }

    @Test
    void whatCannotBeDrawnIsRefused() {
        assertThatThrownBy(() -> made("lisa", Settings.NONE).require(1))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("--lisa-layers");
        made("lisa", Settings.NONE).require(2);
        assertThatThrownBy(() -> made("owlore", Settings.NONE))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("--block-weights");
        Settings three = Settings.NONE.with(WeightedLayers.WEIGHTS, List.of(1.0, 0.0, 2.0, 1.0));
        assertThatThrownBy(() -> made("owlore", three))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("--owlore-layers");
        Participation few = made("owlore", three.with(OwloreLayers.LAYERS, 3));
        few.require(4);
        assertThatThrownBy(() -> few.require(3)).isInstanceOf(BadInputException.class);
        assertThat(few)
                .isEqualTo(
                        new OwloreLayers(
                                3, 50, LeftStates.KEEP, List.of(1.0, 0.0, 2.0, 1.0), SEED));
    }
}
