package io.millrace.executor.cpu.param;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.memory.DType;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.GaussianDirection;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.mask.ElementMask;
import io.millrace.optim.optimizer.Optimizers;
import io.millrace.optim.option.Settings;
import io.millrace.optim.update.Dizo;
import io.millrace.optim.update.Helene;
import io.millrace.optim.update.Hizoo;
import io.millrace.optim.update.MezoSgd;
import io.millrace.optim.update.PendingUpdates;
import io.millrace.optim.update.UpdateRule;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What takes the place of z, and rules at settings at which they are simpler ones. */
class ShapedPassTest {
    private static final int ELEMENTS = 5000;
    private static final int TENSOR = 4;
    private static final int STEPS = 3;
    private static final float EPS = 1e-3f;

    private static List<StepRecord> records(double weightDecay) {
        List<StepRecord> records = new ArrayList<>();
        for (int step = 1; step <= STEPS; step++) {
            double slope = 3.5 - 2 * step;
            QueryResult query = new QueryResult(100 + step, List.of(2.5, 2.25, 2.0 + step), slope);
            records.add(new StepRecord(step, step, 1e-2, EPS, weightDecay, 2, List.of(query)));
        }
        return records;
    }

    private static PendingUpdates updates(UpdateRule rule, double weightDecay) {
        return PendingUpdates.of(0, 1, records(weightDecay).stream().map(rule::next).toList());
    }

    private static StoredTensor tensor(int states) {
        MemorySegment bytes = MemorySegment.ofArray(new float[(1 + states) * ELEMENTS]);
        for (int i = 0; i < ELEMENTS; i++) {
            bytes.setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i, z(99, i) * 0.02f);
        }
        List<StoredState> all = new ArrayList<>();
        for (int k = 1; k <= states; k++) {
            all.add(new StoredState(4L * k * ELEMENTS, DType.F32));
        }
        return new StoredTensor(bytes, 0, DType.F32, TENSOR, ELEMENTS, false, all);
    }

    private static float z(long seed, int element) {
        float[] z = new float[1];
        new GaussianDirection().fill(seed, TENSOR, element, z, 0, 1);
        return z[0];
    }

    private static float value(StoredTensor tensor, int register, int element) {
        return tensor.bytes()
                .getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, (long) register * ELEMENTS + element);
    }

    private static void fold(StoredTensor tensor, PendingUpdates pending, ParameterPass pass) {
        PassPlan plan = PassPlan.reading(pending, true);
        pass.range(tensor, plan, 0, ELEMENTS, new MemorySegment[0], new long[0]);
    }

    private static ParameterPass plain() {
        return new ParameterPass(new GaussianDirection(), Rounding.NEAREST);
    }

    private static float[] query(StoredTensor tensor, PassPlan plan, ParameterPass pass) {
        float[] out = new float[ELEMENTS];
        MemorySegment[] outputs = {MemorySegment.ofArray(out)};
        pass.range(tensor, plan, 0, ELEMENTS, outputs, new long[1]);
        return out;
    }

    /** With decay, which mezo-sgd sums as hizoo does always. */
    @Test
    void hizooThatRenewsNothingIsMezo() {
        StoredTensor hizoo = tensor(1);
        StoredTensor mezo = tensor(0);
        fold(hizoo, updates(new Hizoo(0), 0.1), plain());
        fold(mezo, updates(new MezoSgd(), 0.1), plain());
        for (int i = 0; i < ELEMENTS; i++) {
            assertThat(value(hizoo, 0, i)).isEqualTo(value(mezo, 0, i));
            assertThat(value(hizoo, 1, i)).isZero();
        }
    }

    /** With decay, as above; and what it keeps is what it has moved. */
    @Test
    void dizoBeforeItsFirstPhaseIsMezo() {
        StoredTensor dizo = tensor(1);
        StoredTensor base = tensor(1);
        StoredTensor mezo = tensor(0);
        UpdateRule rule = Optimizers.KINDS.make("dizo", Settings.NONE, 0);
        assertThat(rule.eps(STEPS, EPS)).isEqualTo(EPS);
        fold(dizo, updates(rule, 0.1), plain());
        fold(mezo, updates(new MezoSgd(), 0.1), plain());
        for (int i = 0; i < ELEMENTS; i++) {
            assertThat(value(dizo, 0, i)).isEqualTo(value(mezo, 0, i));
            assertThat(value(dizo, 1, i))
                    .isCloseTo(value(dizo, 0, i) - value(base, 0, i), within(1e-7f));
        }
    }

    /** A tensor of which nothing is kept is seen as it is by a phase, and stays. */
    @Test
    void aPhaseOfDizoMovesWhatWasMovedAndNothingElse() {
        Settings settings =
                Settings.NONE
                        .with(Dizo.EVERY, 2)
                        .with(Dizo.STEPS, 2)
                        .with(Dizo.RATE, 0.25)
                        .with(Dizo.BOUND, 0.5);
        UpdateRule rule = Optimizers.KINDS.make("dizo", settings, 0);
        PendingUpdates all = updates(rule, 0);
        PendingUpdates first = PendingUpdates.of(0, 1, all.updates().subList(0, 2));
        StoredTensor kept = tensor(1);
        StoredTensor before = tensor(1);
        StoredTensor other = tensor(0);
        StoredTensor otherBefore = tensor(0);
        fold(before, first, plain());
        fold(otherBefore, first, plain());
        PassPlan plan =
                PassPlan.querying(all, false, new Query(7, List.of(EPS)))
                        .withShape(
                                rule.shape()
                                        .flatMap(shape -> shape.of(STEPS + 1, 7))
                                        .orElseThrow());
        float[] seen = query(kept, plan, plain());
        float[] still = query(other, plan, plain());
        fold(kept, all, plain());
        fold(other, all, plain());
        // Of element 0, and so of all: by which factor a phase has moved them, and what asks.
        float factor = value(kept, 1, 0) / value(before, 1, 0);
        float asked = (seen[0] - value(kept, 0, 0)) / value(kept, 1, 0);
        assertThat(factor).isBetween(0.5f, 1.5f).isNotEqualTo(1f);
        for (int i = 0; i < ELEMENTS; i++) {
            assertThat(value(other, 0, i)).isEqualTo(value(otherBefore, 0, i));
            assertThat(still[i]).isEqualTo(value(other, 0, i));
            float moved = value(before, 1, i);
            assertThat(value(kept, 1, i)).isCloseTo(factor * moved, within(1e-6f));
            assertThat(value(kept, 0, i) - value(before, 0, i))
                    .isCloseTo((factor - 1) * moved, within(1e-6f));
            assertThat(seen[i] - value(kept, 0, i))
                    .isCloseTo(asked * value(kept, 1, i), within(1e-6f));
        }
        assertThat(rule.eps(STEPS, EPS)).isEqualTo(Dizo.EPS.usual().orElseThrow());
    }

    @Test
    void aQueryOfHizooGoesAlongZOverTheRootOfWhatItsStepsHaveMade() {
        UpdateRule rule = new Hizoo(1e-3);
        PendingUpdates pending = updates(rule, 0);
        StoredTensor tensor = tensor(1);
        PassPlan plan =
                PassPlan.querying(pending, false, new Query(7, List.of(EPS)))
                        .withShape(
                                rule.shape()
                                        .flatMap(shape -> shape.of(STEPS + 1, 7))
                                        .orElseThrow());
        float[] seen = query(tensor, plan, plain());
        fold(tensor, pending, plain());
        boolean renewed = false;
        for (int i = 0; i < ELEMENTS; i++) {
            float h = value(tensor, 1, i);
            renewed |= h > 1;
            float along = z(7, i) / (float) Math.sqrt(h + 1f);
            assertThat(seen[i]).isEqualTo(Math.fma(EPS, along, value(tensor, 0, i)));
        }
        assertThat(renewed).isTrue();
    }

    /** Over a floor that no square reaches: a power of two, so that it divides exactly. */
    @Test
    void heleneOverAHighFloorIsMomentum() {
        float floor = 0x1p20f;
        Settings values = Settings.NONE.with(Helene.FLOOR, (double) floor).with(Helene.ANNEAL, 10L);
        StoredTensor tensor = tensor(2);
        StoredTensor before = tensor(2);
        fold(tensor, updates(Optimizers.KINDS.make("helene", values, 0), 0), plain());
        for (int i = 0; i < ELEMENTS; i++) {
            float p = value(before, 0, i);
            float m = 0;
            for (StepRecord record : records(0)) {
                QueryResult query = record.queries().getFirst();
                double newest = 0.9 + (1 - 0.9) * StrictMath.exp(-record.step() / 10.0);
                float slope = Math.fma((float) query.projectedGrad(), z(query.seed(), i), 0f);
                m = Math.fma((float) newest, slope, 0.9f * m);
                p = p + Math.fma((float) -record.lr(), m / floor, 0f);
            }
            assertThat(value(tensor, 0, i)).isEqualTo(p);
            assertThat(value(tensor, 1, i)).isEqualTo(m);
        }
    }

    /** Both of the parameter as it is at the start of the step. */
    @Test
    void whatIsMaskedHasNoZInQueriesAndUpdates() {
        ElementMask small =
                (_, _, _, p, z, offset, count) -> {
                    for (int i = offset; i < offset + count; i++) {
                        z[i] = Math.abs(p[i]) <= 0.01f ? z[i] : 0f;
                    }
                };
        ParameterPass pass =
                new ParameterPass(new GaussianDirection(), Optional.of(small), Rounding.NEAREST);
        PendingUpdates pending = updates(new MezoSgd(), 0);
        StoredTensor tensor = tensor(0);
        StoredTensor before = tensor(0);
        PassPlan plan = PassPlan.querying(pending, false, new Query(7, List.of(EPS)));
        float[] seen = query(tensor, plan, pass);
        fold(tensor, pending, pass);
        for (int i = 0; i < ELEMENTS; i++) {
            float p = value(before, 0, i);
            for (StepRecord record : records(0)) {
                QueryResult query = record.queries().getFirst();
                float along = Math.abs(p) <= 0.01f ? z(query.seed(), i) : 0f;
                float factor = (float) (-record.lr() * query.projectedGrad());
                p = p + Math.fma(factor, along, 0f);
            }
            assertThat(value(tensor, 0, i)).isEqualTo(p);
            float along = Math.abs(p) <= 0.01f ? z(7, i) : 0f;
            assertThat(seen[i]).isEqualTo(Math.fma(EPS, along, p));
        }
    }
}
