package io.millrace.executor.cpu.param;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.step.Floats;
import io.millrace.memory.DType;
import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.optim.Rounding;
import io.millrace.optim.gradient.GradientRule;
import io.millrace.optim.gradient.TensorTurn;
import io.millrace.optim.gradient.rule.GaLore;
import io.millrace.optim.gradient.rule.NaturalGaLore;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Steps that look at a whole gradient, where it lies. */
@ExtendWith(SeedExtension.class)
class WholeStoredTest {
    private static final int RANK = 6;

    static Stream<GradientRule> rules() {
        GaLore galore = new GaLore(RANK, 2, 0.25);
        return Stream.of(galore, new NaturalGaLore(galore, 3, 1e-3));
    }

    /** A matrix, its states and its gradient, with longer sides than a piece of a strip has. */
    private record Case(
            Arena arena, StoredTensor tensor, List<Long> shape, Floats gradient, Floats work) {
        static Case of(Arena arena, GradientRule rule, int rows, int columns, Random random) {
            long elements = (long) rows * columns;
            List<Long> shape = List.of((long) rows, (long) columns);
            List<StoredState> states = new ArrayList<>();
            long end = elements * Float.BYTES;
            for (var state : rule.kept()) {
                states.add(new StoredState(end, state.dtype()));
                end += state.extent().of(shape) * Float.BYTES;
            }
            MemorySegment bytes = arena.allocate(end, 64);
            MemorySegment slopes = arena.allocate(elements * Float.BYTES, 64);
            for (long i = 0; i < elements; i++) {
                bytes.setAtIndex(ValueLayout.JAVA_FLOAT, i, random.nextFloat() - 0.5f);
                slopes.setAtIndex(ValueLayout.JAVA_FLOAT, i, random.nextFloat() - 0.5f);
            }
            MemorySegment work = arena.allocate(rule.workFloats(shape) * Float.BYTES, 64);
            work.fill((byte) -1); // no numbers
            return new Case(
                    arena,
                    new StoredTensor(bytes, 0, DType.F32, 0, elements, false, states),
                    shape,
                    new Floats(slopes, 0),
                    new Floats(work, 0));
        }

        void step(RulePass pass, int turn, float factor) {
            pass.run(tensor, new TensorTurn(turn, turn, 0.1, 0.01, shape, 5), gradient, factor);
        }

        byte[] bytes() {
            return tensor.bytes().toArray(ValueLayout.JAVA_BYTE);
        }
    }

    private static byte[] stepped(
            GradientRule rule, int workers, int rows, int columns, float factor, long seed) {
        try (Arena arena = Arena.ofShared();
                WorkerPool pool = new WorkerPool(workers)) {
            Case of = Case.of(arena, rule, rows, columns, new Random(seed));
            RulePass pass = new RulePass(pool, rule, Rounding.NEAREST, of.work);
            for (int turn = 1; turn <= 3; turn++) {
                of.step(pass, turn, factor);
            }
            return of.bytes();
        }
    }

    @ParameterizedTest
    @MethodSource("rules")
    void theNumberOfWorkersDecidesNoBit(GradientRule rule, @Seed long seed) {
        for (int[] shape : new int[][] {{40, 5003}, {5003, 40}}) {
            byte[] one = stepped(rule, 1, shape[0], shape[1], 0.5f, seed);
            assertThat(stepped(rule, 3, shape[0], shape[1], 0.5f, seed)).isEqualTo(one);
            assertThat(stepped(rule, 3, shape[0], shape[1], 1f, seed)).isNotEqualTo(one);
        }
    }

    /** All that a step leaves on the heap, vectors found or not, is less than a copy. */
    @ParameterizedTest
    @MethodSource("rules")
    void noCopyOfAMatrixIsMade(GradientRule rule, @Seed long seed) {
        long copy = 1024L * 4096 * Float.BYTES;
        try (Arena arena = Arena.ofShared();
                WorkerPool pool = new WorkerPool(1)) {
            Case of = Case.of(arena, rule, 1024, 4096, new Random(seed));
            RulePass pass = new RulePass(pool, rule, Rounding.NEAREST, of.work);
            of.step(pass, 1, 1f); // room that all later steps have
            ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
            long least = Long.MAX_VALUE; // of the step for which most was compiled by then
            for (int step = 2; step < 6; step++) {
                long before = threads.getCurrentThreadAllocatedBytes();
                of.step(pass, step, 1f);
                least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
            }
            assertThat(least).isLessThan(copy);
        }
    }
}
