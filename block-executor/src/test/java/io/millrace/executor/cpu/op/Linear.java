package io.millrace.executor.cpu.op;

import java.lang.foreign.MemorySegment;

/**
 * A product with weights, shared out over the workers by {@link GemmTiles}. One instance serves one
 * caller and is its own task object, so that a call allocates nothing.
 */
public final class Linear implements WorkerPool.Task {
    private final CpuWorkers workers;
    private GemmTiles tiles = GemmTiles.of(0, 0);
    private long k;
    private MemorySegment x;
    private long xOffset;
    private long ldx;
    private MemorySegment w;
    private long wOffset;
    private long ldw;
    private boolean inputMajor;
    private MemorySegment bias;
    private long biasOffset;
    private boolean accumulate;
    private MemorySegment y;
    private long yOffset;
    private long ldy;

    /** A product on these workers. */
    public Linear(CpuWorkers workers) {
        this.workers = workers;
    }

    /** Multiplies as {@link Gemm#multiply} does, on all workers. */
    public void apply(
            int m,
            int n,
            long k,
            MemorySegment x,
            long xOffset,
            long ldx,
            MemorySegment w,
            long wOffset,
            long ldw,
            boolean inputMajor,
            MemorySegment bias,
            long biasOffset,
            boolean accumulate,
            MemorySegment y,
            long yOffset,
            long ldy) {
        if (tiles.rows() != m || tiles.columns() != n) {
            tiles = GemmTiles.of(m, n);
        }
        this.k = k;
        this.x = x;
        this.xOffset = xOffset;
        this.ldx = ldx;
        this.w = w;
        this.wOffset = wOffset;
        this.ldw = ldw;
        this.inputMajor = inputMajor;
        this.bias = bias;
        this.biasOffset = biasOffset;
        this.accumulate = accumulate;
        this.y = y;
        this.yOffset = yOffset;
        this.ldy = ldy;
        workers.pool().parallelFor(tiles.count(), this);
    }

    /** Computes one tile; called by the workers. */
    @Override
    public void run(int taskIndex, int workerIndex) {
        long row = tiles.row(taskIndex);
        long column = tiles.column(taskIndex);
        workers.gemm(workerIndex)
                .multiply(
                        tiles.rowCount(taskIndex),
                        tiles.columnCount(taskIndex),
                        k,
                        x,
                        xOffset + row * ldx,
                        ldx,
                        w,
                        wOffset + column * (inputMajor ? 1 : ldw),
                        ldw,
                        inputMajor,
                        bias,
                        biasOffset + column,
                        accumulate,
                        y,
                        yOffset + row * ldy + column,
                        ldy);
    }
}
