package io.millrace.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.optim.estimate.Anchors;
import io.millrace.optim.estimate.ConservativeEstimator;
import io.millrace.optim.estimate.Estimator;
import io.millrace.optim.estimate.Judgement;
import io.millrace.optim.estimate.OneSidedEstimator;
import io.millrace.optim.estimate.PopulationEstimator;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.estimate.QueryCount;
import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.Round;
import io.millrace.optim.estimate.StepContext;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.estimate.SvrgEstimator;
import io.millrace.optim.estimate.ThreePointEstimator;
import io.millrace.optim.estimate.TwoSidedEstimator;
import io.millrace.optim.update.MezoSgd;
import io.millrace.optim.update.Update;
import java.util.List;
import java.util.Optional;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

final class EstimatorsTest {
    private static Round begin(Estimator estimator, double eps) {
        return estimator.begin(new StepContext(1, 42, eps, 1e-2));
    }

    private static Judgement.Found found(Estimator estimator, double eps, double[]... losses) {
        return (Judgement.Found) begin(estimator, eps).judge(List.of(losses));
    }

    @Test
    void oneQueryUsesTheStepsSeedAndMoreUseItsOutputs() {
        assertThat(begin(new TwoSidedEstimator(1), 1e-3).queries())
                .containsExactly(new Query(42, List.of(1e-3f, -1e-3f)));
        assertThat(begin(new TwoSidedEstimator(3), 1e-3).queries())
                .extracting(Query::seed)
                .containsExactly(0xbdd732262feb6e95L, 0x28efe333b266f103L, 0x47526757130f9f52L);
    }

    /** 2 e⁰·⁵ is 3.3, 2 e is 5.4, 2 e¹·⁵ is 8.96. */
    @Test
    void directionsGrowWithEveryPassOverTheData() {
        QueryCount count = new QueryCount(2, 0.5, 8);
        assertThat(LongStream.range(0, 5).mapToInt(count::at)).containsExactly(2, 3, 5, 8, 8);
        assertThat(QueryCount.of(3).at(1000)).isEqualTo(3);
        for (Estimator estimator :
                List.of(
                        new TwoSidedEstimator(count),
                        new ThreePointEstimator(count),
                        new OneSidedEstimator(count, false),
                        new PopulationEstimator(count, false))) {
            int base = estimator.begin(new StepContext(1, 42, 1e-3, 1)).queries().size() - 2;
            StepContext third = new StepContext(9, 42, 1e-3, 1, 2, Optional.empty());
            List<Query> asked = estimator.begin(third).queries();
            assertThat(asked).as(estimator.name()).hasSize(base + 5);
            assertThat(estimator.questions().directions()).isEqualTo(8);
            assertThat(estimator.questions().queries()).isEqualTo(base + 8);
            double[][] losses = new double[asked.size()][];
            for (int query = 0; query < losses.length; query++) {
                losses[query] = new double[asked.get(query).scales().size()];
            }
            Judgement.Found found = (Judgement.Found) estimator.begin(third).judge(List.of(losses));
            assertThat(found.queries()).hasSize(5);
        }
    }

    @Test
    void slopeIsTheCentralDifference() {
        Judgement.Found found =
                found(new TwoSidedEstimator(2), 0.5, new double[] {3, 1}, new double[] {1, 4});
        assertThat(found.queries())
                .extracting(QueryResult::projectedGrad)
                .containsExactly(2.0, -3.0);
        assertThat(found.queries())
                .extracting(QueryResult::losses)
                .containsExactly(List.of(3.0, 1.0), List.of(1.0, 4.0));
        assertThat(found.loss()).isEqualTo(9.0 / 4);
    }

    @Test
    void aOneSidedStepAsksForTheBaseOnce() {
        OneSidedEstimator estimator = new OneSidedEstimator(3, false);
        List<Query> queries = begin(estimator, 1e-3).queries();
        assertThat(queries).hasSize(4).first().isEqualTo(Query.AT_THETA);
        assertThat(queries.subList(1, 4))
                .extracting(Query::seed)
                .isEqualTo(
                        begin(new TwoSidedEstimator(3), 1e-3).queries().stream()
                                .map(Query::seed)
                                .toList());
        assertThat(queries.subList(1, 4)).extracting(Query::scales).containsOnly(List.of(1e-3f));
        assertThat(estimator.questions().queries()).isEqualTo(4);
        assertThat(estimator.questions().allScales()).isEqualTo(4);
        assertThat(estimator.questions().directions()).isEqualTo(3);
    }

    @Test
    void aOneSidedSlopeIsTheForwardDifference() {
        Judgement.Found found =
                found(
                        new OneSidedEstimator(2, false),
                        0.5,
                        new double[] {2},
                        new double[] {3},
                        new double[] {1.5});
        assertThat(found.loss()).isEqualTo(2);
        assertThat(found.queries())
                .extracting(QueryResult::projectedGrad)
                .containsExactly(2.0, -1.0);
    }

    @Test
    void aThreePointStepHasTheBaseBesideBothSides() {
        ThreePointEstimator estimator = new ThreePointEstimator(2);
        assertThat(begin(estimator, 0.5).queries())
                .containsExactly(
                        Query.AT_THETA,
                        new Query(0xbdd732262feb6e95L, List.of(0.5f, -0.5f)),
                        new Query(0x28efe333b266f103L, List.of(0.5f, -0.5f)));
        assertThat(estimator.questions().allScales()).isEqualTo(5);
        assertThat(estimator.questions().mostScales()).isEqualTo(2);
        assertThat(estimator.questions().directions()).isEqualTo(2);
        Judgement.Found found =
                found(
                        estimator,
                        0.25,
                        new double[] {2},
                        new double[] {3, 1.5},
                        new double[] {1, 1.25});
        assertThat(found.loss()).isEqualTo(2);
        assertThat(found.queries())
                .containsExactly(
                        new QueryResult(0xbdd732262feb6e95L, List.of(3.0, 1.5, 2.0), 3.0),
                        new QueryResult(0x28efe333b266f103L, List.of(1.0, 1.25, 2.0), -0.5));
    }

    /** FZOO's coefficient of u_i is (L_i − L0) / (N σ); the rule divides by N. */
    @Test
    void aNormalisedSlopeIsOverTheSpreadOfTheLosses() {
        Judgement.Found found =
                found(
                        new OneSidedEstimator(4, true),
                        1e-3,
                        new double[] {2},
                        new double[] {2},
                        new double[] {4},
                        new double[] {4},
                        new double[] {2});
        // The mean of the four is 3 and each is 1 away.
        assertThat(found.queries())
                .extracting(QueryResult::projectedGrad)
                .containsExactly(0.0, 2.0, 2.0, 0.0);
    }

    @Test
    void theSpreadDoesNotDependOnTheScaleOfTheLoss() {
        double[] losses = {2.5, 2.25, 2.75, 2.125};
        OneSidedEstimator estimator = new OneSidedEstimator(3, true);
        double[][] once = new double[4][1];
        double[][] tenfold = new double[4][1];
        for (int i = 0; i < losses.length; i++) {
            once[i][0] = losses[i];
            tenfold[i][0] = 10 * losses[i];
        }
        List<QueryResult> expected = found(estimator, 1e-3, once).queries();
        List<QueryResult> actual = found(estimator, 1e-3, tenfold).queries();
        for (int query = 0; query < 3; query++) {
            assertThat(actual.get(query).projectedGrad())
                    .isCloseTo(expected.get(query).projectedGrad(), within(1e-12));
        }
    }

    @Test
    void lossesWithoutASpreadMoveNothing() {
        Judgement.Found found =
                found(
                        new OneSidedEstimator(2, true),
                        1e-3,
                        new double[] {1},
                        new double[] {1.25},
                        new double[] {1.25});
        assertThat(found.queries()).extracting(QueryResult::projectedGrad).containsOnly(0.0);
    }

    /** Losses 1, 3, 3, 1: the mean is 2, and each is 1 away. */
    @Test
    void aPopulationIsHeldToItsMeanInUnitsOfItsSpread() {
        PopulationEstimator plain = new PopulationEstimator(4, false);
        assertThat(begin(plain, 0.5).queries())
                .extracting(Query::scales)
                .containsOnly(List.of(0.5f));
        assertThat(plain.questions().allScales()).isEqualTo(4);
        Judgement.Found found =
                found(
                        plain,
                        0.5,
                        new double[] {1},
                        new double[] {3},
                        new double[] {3},
                        new double[] {1});
        double unit = 1 / (1 + 1e-8);
        assertThat(found.loss()).isEqualTo(2);
        assertThat(found.queries())
                .extracting(QueryResult::projectedGrad)
                .containsExactly(-unit, unit, unit, -unit);
        assertThat(found.queries().get(1).losses()).containsExactly(3.0);
    }

    @Test
    void aMirroredPopulationCountsBothSidesOfADirection() {
        PopulationEstimator mirrored = new PopulationEstimator(2, true);
        assertThat(begin(mirrored, 0.5).queries())
                .extracting(Query::scales)
                .containsOnly(List.of(0.5f, -0.5f));
        Judgement.Found found = found(mirrored, 0.5, new double[] {1, 3}, new double[] {3, 1});
        double unit = 1 / (1 + 1e-8);
        assertThat(found.queries())
                .extracting(QueryResult::projectedGrad)
                .containsExactly(-unit, unit);
        assertThat(found.queries().getFirst().losses()).containsExactly(1.0, 3.0);
        // One direction has two members; without a spread nothing moves.
        assertThat(found(new PopulationEstimator(1, true), 0.5, new double[] {2, 2}).queries())
                .extracting(QueryResult::projectedGrad)
                .containsExactly(0.0);
    }

    /** Slopes of 3 at θ and 1 at the anchor, and 0.75 along the anchor's own direction. */
    @Test
    void aStepBetweenAnchorsGoesByTheDifferenceAndByTheAnchor() {
        SvrgEstimator estimator = new SvrgEstimator(new Anchors(3, 8, 1e-1));
        assertThat(estimator.begin(new StepContext(4, 7, 0.5, 1e-2)).queries())
                .containsExactly(new Query(7, List.of(0.5f, -0.5f)));
        StepRecord anchor =
                new StepRecord(
                        4, 7, 1e-1, 0.5, 0, 2, List.of(QueryResult.twoSided(7, 2.5, 1.75, 0.75)));
        Round round = estimator.begin(new StepContext(5, 42, 0.5, 1e-2, 0, Optional.of(anchor)));
        Query here = new Query(42, List.of(0.5f, -0.5f));
        assertThat(round.queries())
                .containsExactly(here, new Query(42, here.scales(), Query.Place.ANCHOR));
        Judgement.Found found =
                (Judgement.Found)
                        round.judge(List.of(new double[] {4, 1}, new double[] {2.5, 1.5}));
        assertThat(found.loss()).isEqualTo(2.5);
        assertThat(found.sums()).isTrue();
        assertThat(found.queries())
                .containsExactly(
                        new QueryResult(42, List.of(4.0, 1.0, 2.5, 1.5), 2.0),
                        new QueryResult(7, List.of(), 0.75));
        Update update =
                new MezoSgd()
                        .next(
                                new StepRecord(
                                        5,
                                        42,
                                        1e-2,
                                        0.5,
                                        0,
                                        2.5,
                                        found.queries(),
                                        new StepRecord.Reading(found.sums(), false)));
        assertThat(update.terms())
                .containsExactly(
                        new Update.Term(42, (float) (-1e-2 * 2)),
                        new Update.Term(7, (float) (-1e-2 * 0.75)));
    }

    private static QueryResult conservative(double lr, double[] asked, double[] moved) {
        Round first = new ConservativeEstimator().begin(new StepContext(1, 42, 0.5, lr));
        assertThat(first.queries()).containsExactly(new Query(42, List.of(0f, 0.5f, -0.5f)));
        Round second = ((Judgement.AskMore) first.judge(List.<double[]>of(asked))).next();
        float move = (float) (lr * (asked[1] - asked[2]));
        assertThat(second.queries()).containsExactly(new Query(42, List.of(-move, move)));
        Judgement.Found found = (Judgement.Found) second.judge(List.<double[]>of(moved));
        assertThat(found.loss()).isEqualTo(asked[0]);
        return found.queries().getFirst();
    }

    @Test
    void aConservativeStepGoesWhereTheLossIsLeast() {
        double[] asked = {2, 3, 1.5}; // a slope of 1.5
        assertThat(conservative(0.1, asked, new double[] {1.9, 2.2}).projectedGrad())
                .isEqualTo(1.5);
        assertThat(conservative(0.1, asked, new double[] {2.2, 1.9}).projectedGrad())
                .isEqualTo(-1.5);
        QueryResult stays = conservative(0.1, asked, new double[] {2.1, 2.2});
        assertThat(stays.projectedGrad()).isZero();
        assertThat(stays.losses()).containsExactly(3.0, 1.5, 2.0, 2.1, 2.2);
        // Without a step all three are one.
        assertThat(conservative(0, asked, new double[] {2, 2}).projectedGrad()).isZero();
    }

    @Test
    void refusesWhatHasNoMeaning() {
        assertThatThrownBy(() -> new TwoSidedEstimator(0)).hasMessageContaining("1 or more");
        assertThatThrownBy(() -> new ThreePointEstimator(0)).hasMessageContaining("1 or more");
        assertThatThrownBy(() -> new PopulationEstimator(1, false)).hasMessageContaining("no pop");
        assertThatThrownBy(() -> new OneSidedEstimator(1, true)).hasMessageContaining("spread");
    }
}
