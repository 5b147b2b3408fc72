package io.millrace.executor.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.Golden;
import io.millrace.executor.config.Method;
import io.millrace.executor.config.Methods;
import io.millrace.executor.step.Arithmetic;
import io.millrace.executor.step.Engine;
import io.millrace.executor.step.ScratchSize;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.memory.TensorSlot;
import io.millrace.model.ModelLayout;
import io.millrace.model.architecture.known.NamedArchitectures;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.direction.GaussianDirection;
import io.millrace.optim.direction.LowRankDirection;
import io.millrace.optim.direction.MaskedDirection;
import io.millrace.optim.direction.SubspaceDirection;
import io.millrace.optim.direction.TezoDirection;
import io.millrace.optim.estimate.OneSidedEstimator;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a card's plan counts, and what it refuses, before anything is loaded. */
class CudaEngineTest {
    private static final int RANK = 8;
    private static final int WINDOW = 4;

    private final ModelProgram program =
            NamedArchitectures.program(
                    ModelConfig.of("config.json", Golden.json("llama/config.json")));
    private final ModelLayout layout = ModelLayout.of(program, DType.F32);

    private long bytes(Direction direction, int queries, Matmul matmul) {
        ScratchSize size =
                ScratchSize.batches(2, 1, 19, new OneSidedEstimator(queries, false).questions());
        Arithmetic arithmetic =
                new Arithmetic(direction, false, false, Rounding.NEAREST, WINDOW, matmul);
        return new CudaEngine()
                .plan(program, layout, size, arithmetic, 1, false)
                .need()
                .deviceBytes();
    }

    private long bytes(Direction direction) {
        return bytes(direction, 1, Matmul.NATIVE);
    }

    @Test
    void orthonormalFactorsThatStayForAWindowAreInThePlan() {
        long fixed =
                layout.blocks().stream()
                        .flatMap(block -> block.tensors().stream())
                        .filter(slot -> slot.shape().size() == 2)
                        .mapToLong(CudaEngineTest::sides)
                        .sum();
        long subspace = bytes(new SubspaceDirection(1, RANK, WINDOW));
        long tezo = bytes(new TezoDirection(1, RANK, WINDOW));
        assertThat(subspace - tezo).isGreaterThan((fixed - 2 * longest()) * RANK * Float.BYTES);
        assertThat(tezo).isLessThan(bytes(new LowRankDirection(1, RANK, WINDOW)));
    }

    private static long sides(TensorSlot slot) {
        return slot.shape().getFirst() + slot.shape().getLast();
    }

    private long longest() {
        return layout.blocks().stream()
                .flatMap(block -> block.tensors().stream())
                .filter(slot -> slot.shape().size() == 2)
                .mapToLong(CudaEngineTest::sides)
                .max()
                .orElseThrow();
    }

    /** Beyond what their hidden states and losses take, which dense directions ask for as well. */
    @Test
    void queriesThatGoTogetherAskForMoreAndThoseOfE4m3ForNoMore() {
        Direction thin = new LowRankDirection(1, 2, WINDOW);
        Direction dense = new GaussianDirection();
        assertThat(more(thin, Matmul.NATIVE)).isGreaterThan(2 * more(dense, Matmul.NATIVE));
        assertThat(more(thin, Matmul.FP8)).isEqualTo(more(dense, Matmul.FP8));
    }

    private long more(Direction direction, Matmul matmul) {
        return bytes(direction, 8, matmul) - bytes(direction, 1, matmul);
    }

    @Test
    void everyPublishedMethodOfForwardsHasAPlan() {
        for (Method method : Methods.all()) {
            if (!method.isFirstOrder()) {
                assertThat(plan(method).need().deviceBytes()).as(method.name()).isPositive();
            }
        }
    }

    @Test
    void methodsThatGoBackAreRefused() {
        for (Method method : Methods.all()) {
            if (method.isFirstOrder()) {
                assertThatThrownBy(() -> plan(method))
                        .as(method.name())
                        .isInstanceOf(BadInputException.class)
                        .hasMessageContaining("no way back for first-order methods");
            }
        }
    }

    private Engine.Plan plan(Method method) {
        ScratchSize size =
                ScratchSize.batches(2, 1, 19, method.arithmetic().estimator().questions());
        Arithmetic arithmetic = Arithmetic.of(method.arithmetic());
        return new CudaEngine().plan(program, layout, size, arithmetic, 1, false);
    }

    /** Runs that take turns have intermediates in one place. */
    @Test
    void runsTogetherNeedLessThanRunsApart() {
        ScratchSize size =
                ScratchSize.batches(2, 1, 19, new OneSidedEstimator(4, false).questions());
        CudaEngine engine = new CudaEngine();
        Engine.Plan one = engine.plan(program, layout, size, Arithmetic.PLAIN, 1, false);
        long alone = one.need().deviceBytes();
        long all = engine.together(List.of(one, one, one), 0).need().deviceBytes();
        assertThat(all).isGreaterThan(alone).isLessThan(3 * alone);
    }

    @Test
    void whatNoKernelMakesIsRefusedByName() {
        refused(new Strange(), "--perturbation", "'strange'");
        refused(
                new MaskedDirection(new GaussianDirection(), (_, _, _, _, _, _, _) -> {}),
                "--mask",
                "magnitude, random or indices");
    }

    private void refused(Direction direction, String option, String why) {
        assertThatThrownBy(() -> bytes(direction))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining(option)
                .hasMessageContaining(why);
    }

    /** Factors that are drawn from no stream of ours. */
    private record Strange() implements FactoredDirection {
        @Override
        public String name() {
            return "strange";
        }

        @Override
        public int window() {
            return WINDOW;
        }

        @Override
        public Core core() {
            return Core.DIAGONAL;
        }

        @Override
        public int rank() {
            return 1;
        }

        @Override
        public float scale(long rows, long columns) {
            return 1;
        }

        @Override
        public long windowOf(long step) {
            return 0;
        }

        @Override
        public void fillCore(
                long seed, int tensorId, long firstElement, float[] values, int at, int count) {}

        @Override
        public void fillLeft(
                long step, int tensorId, long firstElement, float[] values, int at, int count) {}

        @Override
        public void fillRight(
                long step, int tensorId, long firstElement, float[] values, int at, int count) {}
    }
}
