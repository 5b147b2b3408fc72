package io.millrace.executor.cpu.lowrank;

import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.param.FactorTrack;
import io.millrace.executor.cpu.param.NewtonSchulz;
import io.millrace.optim.update.Update;
import java.lang.foreign.MemorySegment;

/** Shares the work of {@link NewtonSchulz} among the workers. */
final class OrthogonalEstimates {
    private final WorkerPool pool;
    private final LowRankMemory memory;

    OrthogonalEstimates(WorkerPool pool, LowRankMemory memory) {
        this.pool = pool;
        this.memory = memory;
    }

    /** What an update moves a matrix along, [r, n]; the last one made is valid. */
    MemorySegment of(FactorTrack track, Update update) {
        Update.Orthogonal rule = update.orthogonal().orElseThrow();
        int rank = track.rank();
        int columns = Math.toIntExact(track.columns());
        NewtonSchulz work = new NewtonSchulz(memory.orthonormal(), rank, columns);
        NewtonSchulz.Source source = track.source();
        pool.parallelFor(rank, Operator.FORM, (row, worker) -> work.estimate(source, rule, row));
        work.normalize();
        for (int iteration = 0; iteration < rule.iterations(); iteration++) {
            pool.parallelFor(rank, Operator.FORM, (row, worker) -> work.gram(row));
            pool.parallelFor(rank, Operator.FORM, (row, worker) -> work.square(row));
            FixedFactors.shareRows(
                    pool, columns, (from, to, worker) -> work.advance((int) from, (int) to));
        }
        MemorySegment out = memory.estimate();
        FixedFactors.shareRows(
                pool, columns, (from, to, worker) -> work.write((int) from, (int) to, out));
        return out;
    }
}
