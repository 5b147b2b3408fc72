package io.millrace.executor.cpu.weight;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.Golden;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.executor.step.UpdateLog;
import io.millrace.memory.BlockLayout;
import io.millrace.model.Checkpoint;
import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.update.MezoSgd;
import io.millrace.prefetch.BlockLease;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A tensor of which a part was formed is never taken for one that holds the step. */
class FormingTest {
    private static final Floats NOWHERE = new Floats(MemorySegment.NULL, 0);
    private static final int MATRIX = 2;

    private final Arena arena = Arena.ofConfined();
    private final HostVisit visit = visit();
    private final long rows = visit.slot(MATRIX).shape().getFirst();
    private final int columns = Math.toIntExact(visit.slot(MATRIX).shape().getLast());

    @AfterEach
    void free() {
        arena.close();
    }

    @Test
    void allElementsMakeATensorThatHoldsTheStep() {
        assertThat(visit.unfolded()).contains(MATRIX);
        try (Forming forming = forming()) {
            forming.range(0, columns, NOWHERE, 0, 0);
            forming.range(columns, (rows - 1) * columns, NOWHERE, 0, 0);
        }
        assertThat(visit.unfolded()).doesNotContain(MATRIX);
    }

    @Test
    void soDoAllColumns() {
        try (Forming forming = forming()) {
            forming.columns(0, 3, NOWHERE, 0, 0);
            forming.columns(3, columns - 3, NOWHERE, 0, 0);
        }
        assertThat(visit.unfolded()).doesNotContain(MATRIX);
    }

    @Test
    void aTensorOfWhichAPanelIsMissingIsRefused() {
        Forming forming = forming();
        forming.columns(0, columns - 1, NOWHERE, 0, 0);
        assertThatThrownBy(forming::close)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining(visit.slot(MATRIX).name());
        assertThat(visit.unfolded()).contains(MATRIX);
    }

    @Test
    void soIsOneOfWhichAPanelWasFormedTwice() {
        Forming forming = forming();
        forming.columns(0, columns, NOWHERE, 0, 0);
        forming.columns(0, 1, NOWHERE, 0, 0);
        assertThatThrownBy(forming::close).isInstanceOf(IllegalStateException.class);
        assertThat(visit.unfolded()).contains(MATRIX);
    }

    private Forming forming() {
        return new Forming(visit, MATRIX, new Nothing());
    }

    private HostVisit visit() {
        try (Checkpoint checkpoint = Checkpoint.open(Golden.path("llama"))) {
            BlockLayout block = checkpoint.layout().block(1);
            UpdateLog updates = new UpdateLog(new MezoSgd());
            updates.add(
                    StepRecord.twoSided(
                            1, 5, 1e-3, 1e-3, 0, List.of(QueryResult.twoSided(5, 1, 1, 0))));
            ForwardRequest request = ForwardRequest.fold(updates, ForwardRequest.Folding.SCHEDULED);
            Lease lease = new Lease(arena.allocate(block.sizeBytes(), 64));
            return new HostVisit(lease, block, request, 1, true);
        }
    }

    private record Lease(MemorySegment weights) implements BlockLease {
        @Override
        public long foldedThrough() {
            return 0;
        }

        @Override
        public void markFolded(long throughStep, boolean changed) {
            throw new AssertionError("no visit finishes here");
        }

        @Override
        public void close() {}
    }

    private static final class Nothing implements TensorForm {
        @Override
        public void range(long first, long count, Floats place, long stride, int worker) {}

        @Override
        public void columns(int from, int count, Floats place, long stride, int worker) {}
    }
}
