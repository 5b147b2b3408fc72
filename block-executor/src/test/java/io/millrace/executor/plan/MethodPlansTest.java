package io.millrace.executor.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.adapter.LoraKind;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.DataConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.Method;
import io.millrace.executor.config.Methods;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.config.TrainedTensors;
import io.millrace.executor.config.TuneConfig;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.Tier;
import io.millrace.optim.option.Settings;
import io.millrace.optim.participation.HiftGroups;
import io.millrace.prefetch.plan.Forecast;
import io.millrace.prefetch.plan.Machine;
import io.millrace.prefetch.plan.MachineCatalog;
import io.millrace.telemetry.Lane;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Methods side by side are what the plan of each says, and means are over all turns. */
class MethodPlansTest {
    private static final long BUDGET = 700L << 20; // beside 956 MiB of two states
    private static final Machine MACHINE = MachineCatalog.assumed(2, 1L << 34, 1L << 33);
    private static final ModelShape MODEL = ModelShape.named("opt-125m", Optional.empty());
    private static final int LAYERS = 12;
    private static final Settings TOLD =
            Settings.NONE
                    .with(DataConfig.BATCH_SIZE, 2)
                    .with(DataConfig.MICRO_BATCH, 1)
                    .with(TaskConfig.SEQ_LEN, 64);

    private static Settings under(long hostBudget) {
        return TOLD.with(MemoryConfig.HOST_BUDGET, hostBudget);
    }

    private static MethodPlans plans(Settings told, String... names) {
        List<Method> methods = Stream.of(names).map(Methods::named).toList();
        return MethodPlans.of(methods, told, MODEL, MACHINE);
    }

    private static ModelPlan alone(Settings told, String name) {
        Settings all = Methods.named(name).beneath(told);
        PlanOptions options = PlanOptions.of(all, TuneConfig.builder(all).arithmetic());
        return ModelPlanner.plan(MODEL, options, MACHINE, false);
    }

    private static double bytes(MethodPlan one, Lane lane) {
        return one.forecast().orElseThrow().bytes().get(lane);
    }

    @Test
    void eachIsThePlanThatItHasAlone() {
        for (MethodPlan one : plans(under(BUDGET), "adamw", "lomo", "mezo", "hift").methods()) {
            ModelPlan alone = alone(under(BUDGET), one.method().name());
            MethodPlan.Memory memory = one.memory().orElseThrow();
            assertThat(one.forecast()).contains(alone.forecast());
            assertThat(memory.smallestHostBytes()).isEqualTo(alone.memory().minimumHostBytes());
            assertThat(memory.stateBytes()).isEqualTo(alone.model().layout().stateBytes());
        }
    }

    /** Two float32 an element; of lomo nothing; and MeZO reads and writes what does not stay. */
    @Test
    void statesAndMovedBytesFollowFromSizes() {
        List<MethodPlan> methods = plans(under(BUDGET), "adamw", "lomo", "mezo").methods();
        long elements = MODEL.layout().elementCount();
        assertThat(methods.get(0).memory().orElseThrow().stateBytes()).isEqualTo(8 * elements);
        assertThat(methods.get(1).memory().orElseThrow().stateBytes()).isZero();
        long streamed = streamed(alone(under(BUDGET), "adamw"));
        assertThat(streamed).isPositive();
        assertThat(bytes(methods.get(0), Lane.NVME_WRITE)).isEqualTo((double) streamed);
        // The turn at the top finds the last blocks still there.
        assertThat(bytes(methods.get(0), Lane.NVME_READ)).isBetween(1.5 * streamed, 2.0 * streamed);
    }

    private static long streamed(ModelPlan plan) {
        List<Tier> homes = plan.placement().homes();
        List<BlockLayout> blocks = plan.model().layout().blocks();
        return IntStream.range(0, homes.size())
                .filter(block -> homes.get(block) == Tier.NVME)
                .mapToLong(block -> blocks.get(block).sizeBytes())
                .sum();
    }

    /** Each unit once in a round: the ends, which are one here, and the layers. */
    @Test
    void whatTakesTurnsWritesInTheMeanOfAWholeRound() {
        List<MethodPlan> methods = plans(under(BUDGET), "adamw", "hift", "badam").methods();
        double all = bytes(methods.get(0), Lane.NVME_WRITE);
        assertThat(bytes(methods.get(1), Lane.NVME_WRITE))
                .isCloseTo(all / (LAYERS + 1), within(1e-3));
        ModelPlan badam = alone(under(BUDGET), "badam");
        boolean endsStay = badam.placement().homes().getFirst() != Tier.NVME;
        long ends = endsStay ? 0 : badam.model().layout().block(0).sizeBytes();
        assertThat(bytes(methods.get(2), Lane.NVME_WRITE))
                .isCloseTo((all - ends) / LAYERS, within(1e-3));
        // The way back ends at the lowest that is trained: half of the way in the mean.
        double there = bytes(methods.get(0), Lane.NVME_READ);
        assertThat(bytes(methods.get(1), Lane.NVME_READ)).isBetween(0.5 * there, 0.95 * there);
        Settings pairs = under(BUDGET).with(HiftGroups.GROUP, 2);
        assertThat(bytes(plans(pairs, "hift").methods().getFirst(), Lane.NVME_WRITE))
                .isCloseTo(all / ((LAYERS + 2) / 2), within(1e-3));
    }

    @Test
    void theBytesThatKeepAllInHostMemoryAreEnoughAndAPageLessIsNot() {
        for (String name : List.of("adamw", "mezo")) {
            long all =
                    plans(under(BUDGET), name)
                            .methods()
                            .getFirst()
                            .memory()
                            .orElseThrow()
                            .residentHostBytes();
            ModelPlan enough = alone(under(all), name);
            assertThat(enough.placement().homes()).doesNotContain(Tier.NVME);
            assertThat(enough.memory().hostBytes()).isEqualTo(all);
            ModelPlan less = alone(under(all - 4096), name);
            assertThat(less.placement().homes()).contains(Tier.NVME);
        }
    }

    @Test
    void theCheapestIsTheFastestOfItsKindAmongThoseThatFit() {
        MethodPlans plans = plans(under(BUDGET), "mezo", "adamw", "fzoo", "lomo", "hift");
        for (boolean firstOrder : new boolean[] {true, false}) {
            double cheapest = seconds(plans.cheapest(firstOrder).orElseThrow());
            for (MethodPlan one : plans.methods()) {
                if (one.method().isFirstOrder() == firstOrder) {
                    assertThat(seconds(one)).isGreaterThanOrEqualTo(cheapest);
                }
            }
        }
        MethodPlan.Memory mezo = plans.methods().getFirst().memory().orElseThrow();
        MethodPlans little = plans(under(mezo.smallestHostBytes()), "mezo", "adamw");
        assertThat(little.cheapest(true)).isEmpty();
        assertThat(little.cheapest(false).orElseThrow().method().name()).isEqualTo("mezo");
        MethodPlan adamw = little.methods().getLast();
        assertThat(adamw.fits()).isFalse();
        assertThat(adamw.refusal()).startsWith("--host-budget: ");
        assertThat(adamw.memory().orElseThrow().smallestHostBytes())
                .isGreaterThan(mezo.smallestHostBytes());
    }

    private static double seconds(MethodPlan one) {
        return one.forecast().map(Forecast::stepSeconds).orElse(Double.POSITIVE_INFINITY);
    }

    /** What means nothing to some is no reason to refuse them. */
    @Test
    void optionsOfOneMethodDoNotRefuseTheOthers() {
        Settings told =
                under(BUDGET)
                        .with(HiftGroups.GROUP, 2)
                        .with(ArithmeticConfig.FOLD_EVERY, 4)
                        .with(TrainedTensors.TUNE, LoraKind.NAME);
        for (MethodPlan one :
                plans(told, "adamw", "hift", "mezo", "mezo-adam", "owlore").methods()) {
            assertThat(one.refusal()).as(one.method().name()).isEmpty();
            assertThat(bytes(one, Lane.NVME_WRITE)).as(one.method().name()).isZero();
        }
    }

    @Test
    void whatNoRunWouldTakeUpSaysWhy() {
        for (MethodPlan one : plans(under(BUDGET), "qzo").methods()) {
            assertThat(one.fits()).isFalse();
            assertThat(one.memory()).isEmpty();
            assertThat(one.refusal()).contains("; ");
        }
    }

    /** All that there are, so that a method that comes has a plan as well. */
    @Test
    void everyMethodIsPlannedOrRefusedInWords() {
        MethodPlans all = MethodPlans.of(Methods.all(), TOLD, MODEL, MACHINE);
        assertThat(all.methods()).hasSameSizeAs(Methods.all());
        assertThat(
                        all.methods().stream()
                                .filter(one -> !one.fits())
                                .map(one -> one.method().name()))
                .containsExactly("qzo"); // there are no scales
    }
}
