package io.millrace.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.memory.BadInputException;
import io.millrace.optim.direction.GaussianDirection;
import io.millrace.optim.direction.LowRankDirection;
import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.optimizer.Optimizers;
import io.millrace.optim.option.Settings;
import io.millrace.optim.random.SeededShuffle;
import io.millrace.optim.schedule.LrSchedule;
import io.millrace.optim.schedule.Schedules;
import io.millrace.optim.update.Decay;
import io.millrace.optim.update.LozoMomentum;
import io.millrace.optim.update.MezoAdam;
import io.millrace.optim.update.MezoSgd;
import io.millrace.optim.update.PendingUpdates;
import io.millrace.optim.update.Update;
import io.millrace.optim.update.UpdateRule;
import io.millrace.optim.update.ZoSign;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

final class RulesTest {
    private static StepRecord record(long step, double... slopes) {
        List<QueryResult> queries =
                Arrays.stream(slopes)
                        .mapToObj(slope -> QueryResult.twoSided(100 + (long) slope, 0, 0, slope))
                        .toList();
        return StepRecord.twoSided(step, 7, 1e-2, 1e-3, 0.1, queries);
    }

    private static UpdateRule usual(String name) {
        return Optimizers.KINDS.make(name, Settings.NONE, 0);
    }

    @Test
    void mezoSgdDescendsAlongEveryQuery() {
        Update update = usual("mezo-sgd").next(record(3, 2, -4));
        assertThat(update)
                .isEqualTo(
                        new Update(
                                3,
                                7,
                                new Decay(1, -(1e-2 * 0.1)),
                                List.of(
                                        new Update.Term(102, (float) (-1e-2 * 2 / 2)),
                                        new Update.Term(96, (float) (-1e-2 * -4 / 2)))));
    }

    /** Folded every 4 steps, of bytes that hold 4: a reader of the last fold sees 5 to 8. */
    @Test
    void whoReadsTheLastFoldSeesNoUpdateBehindIt() {
        List<Update> updates =
                LongStream.rangeClosed(5, 9)
                        .mapToObj(step ->
                                new Update(step, 7, Decay.NONE, List.of(new Update.Term(1, 1f))))
                        .toList();
        PendingUpdates due = PendingUpdates.of(4, 4, updates);
        assertThat(due.folding().updates()).isEqualTo(updates.subList(0, 4));
        assertThat(due.folding().foldThrough()).isEqualTo(8);
        assertThat(due.folding().foldsAfter(8)).isTrue();
        PendingUpdates stored = due.afterStore();
        assertThat(stored.changes()).isTrue();
        assertThat(stored.folding().size()).isZero();
        assertThat(stored.folding().changes()).isFalse();
    }

    @Test
    void withoutDecayAnUpdateIsWhatItWasInJournalsBefore() {
        for (String name : List.of("mezo-sgd", "mezo-adam", "lozo-m", "zo-sign", "zo-adam")) {
            StepRecord none = new StepRecord(3, 7, 1e-2, 1e-3, 0, 1, record(3, 2, -4).queries());
            assertThat(usual(name).next(none))
                    .isEqualTo(usual(name).next(none.decayingByFactor(true)));
            StepRecord some = record(3, 2, -4);
            assertThat(usual(name).next(some))
                    .isNotEqualTo(usual(name).next(some.decayingByFactor(true)));
        }
    }

    @Test
    void sharesOfAFoldAddUpInDouble() {
        double part = 1e-9;
        Decay sum = Decay.NONE;
        for (int step = 0; step < 1000; step++) {
            sum = Decay.of(part).after(sum);
        }
        assertThat(sum.share()).isCloseTo(Math.expm1(1000 * Math.log1p(-part)), within(1e-20));
        assertThat(sum.scales()).isFalse();
        assertThat(sum.ofProduct()).isEqualTo((float) (1 + sum.share()));
        Decay product = Decay.byFactor(part).after(Decay.byFactor(1e-3));
        assertThat(product).isEqualTo(new Decay((float) (1 - 1e-3), 0));
    }

    @Test
    void lozoMomentumKeepsTheRateApartFromTheSlopes() {
        UpdateRule rule =
                Optimizers.KINDS.make("lozo-m", Settings.NONE.with(LozoMomentum.BETA, 0.75), 0);
        Update update = rule.next(record(3, 2, -4));
        assertThat(update.terms()).isEqualTo(new MezoSgd().next(record(3, 2, -4)).terms());
        assertThat(update.momentum())
                .contains(
                        new Update.Momentum(
                                0.75f,
                                (float) -1e-2,
                                List.of(
                                        new Update.Term(102, (float) (0.25 * 2 / 2)),
                                        new Update.Term(96, (float) (0.25 * -4 / 2)))));
        assertThat(rule.suits(new LowRankDirection(1, 2, 3))).isTrue();
        assertThat(rule.suits(new GaussianDirection())).isFalse();
    }

    @Test
    void aProgramIsAChangeThoughItHasNeitherDecayNorTerms() {
        Update update = new ZoSign().next(record(3, 2));
        assertThat(update.isStill()).isFalse();
        assertThat(update.still().isStill()).isTrue();
    }

    @Test
    void mezoAdamDividesByTheRootOfTheMeanSquare() {
        UpdateRule rule = usual("mezo-adam");
        double moment = 0;
        for (int step = 1; step <= 20; step++) {
            double slope = Math.sin(step) * 30;
            moment = 0.99 * moment + 0.01 * slope * slope;
            double lr = 1e-2 / (Math.sqrt(moment / (1 - Math.pow(0.99, step))) + 1e-8);
            Update update = rule.next(record(step, slope));
            assertThat((double) update.terms().getFirst().coefficient())
                    .isCloseTo(-lr * slope, within(1e-8));
            assertThat(update.decay()).isEqualTo(new Decay(1, -(1e-2 * 0.1)));
        }
    }

    @Test
    void mezoAdamIsRebuiltByFeedingTheRecords() {
        List<StepRecord> records =
                IntStream.rangeClosed(1, 30).mapToObj(i -> record(i, i * 0.37, 5 - i)).toList();
        UpdateRule first = new MezoAdam();
        List<Update> updates = records.stream().map(first::next).toList();
        UpdateRule second = new MezoAdam();
        assertThat(records.stream().map(second::next)).containsExactlyElementsOf(updates);
    }

    @Test
    void unknownRuleNamesTheKnownOnes() {
        assertThatThrownBy(() -> usual("adam"))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("--optimizer")
                .hasMessageContaining("mezo-adam, mezo-sgd");
        assertThatThrownBy(() -> Rounding.named("up")).isInstanceOf(BadInputException.class);
    }

    @Test
    void schedulesRiseThenFollowTheirCurve() {
        for (String name : List.of("constant", "linear", "cosine")) {
            LrSchedule schedule = Schedules.named(name, 0.8, 4);
            assertThat(schedule.at(1, 104)).isEqualTo(0.2);
            assertThat(schedule.at(4, 104)).isEqualTo(0.8);
            assertThat(schedule.at(5, 104)).isEqualTo(0.8);
        }
        assertThat(Schedules.named("constant", 0.8, 0).at(100, 100)).isEqualTo(0.8);
        assertThat(Schedules.named("linear", 0.8, 4).at(55, 104)).isCloseTo(0.4, within(1e-12));
        assertThat(Schedules.named("linear", 0.8, 0).at(100, 100)).isCloseTo(0.008, within(1e-12));
        assertThat(Schedules.named("cosine", 0.8, 4).at(55, 104)).isCloseTo(0.4, within(1e-12));
        assertThat(Schedules.named("cosine", 0.8, 0).at(100, 100)).isPositive().isLessThan(0.001);
        assertThatThrownBy(() -> Schedules.named("step", 1, 0))
                .hasMessageContaining("constant, cosine, linear");
    }

    @Test
    void shuffleIsAPermutationThatSeedAndEpochDecide() {
        int[] order = SeededShuffle.permutation(1000, 5, 0);
        assertThat(Arrays.stream(order).sorted().toArray())
                .containsExactly(IntStream.range(0, 1000).toArray());
        assertThat(SeededShuffle.permutation(1000, 5, 0)).isEqualTo(order);
        assertThat(SeededShuffle.permutation(1000, 5, 1)).isNotEqualTo(order);
        assertThat(SeededShuffle.permutation(1000, 6, 0)).isNotEqualTo(order);
        assertThat(SeededShuffle.permutation(0, 5, 0)).isEmpty();
    }

    @Test
    void shuffleIsUniform() {
        int[] counts = new int[24];
        for (int epoch = 0; epoch < 24_000; epoch++) {
            int[] order = SeededShuffle.permutation(4, 1, epoch);
            int index = order[0] * 6;
            index += 2 * (order[1] - (order[1] > order[0] ? 1 : 0));
            index += order[2] > order[3] ? 1 : 0;
            counts[index]++;
        }
        assertThat(counts)
                .satisfies(
                        all -> assertThat(Arrays.stream(all).min().getAsInt()).isGreaterThan(850));
    }
}
