package io.millrace.executor.cpu;

import io.millrace.executor.cpu.dense.Turning;
import io.millrace.executor.cpu.op.Gemm;
import io.millrace.executor.cpu.op.GemmTiles;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.weight.WeightPanels;
import io.millrace.executor.step.Floats;
import io.millrace.memory.DType;
import io.millrace.model.spec.LinearSpec;
import io.millrace.optim.random.SplitMix64;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Comparator;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Whether a row of a product comes to the same bits however many rows are multiplied with it. The
 * library may sum otherwise for every shape; on most processors it does so by the length of the
 * sums alone. So all shapes that a run can have are tried, on numbers that are nobody's: the order
 * of a sum does not depend on what is summed.
 */
final class RowsApart {
    private static final int QUANTUM = 16;
    private static final int SIGN_AND_FRACTION = 0x807f_ffff; // of a float
    private static final int ONE = 0x3f80_0000;
    private static final int BFLOAT16_SHIFT = 16;
    private static final int[] TILE_ROWS = {1, Integer.MAX_VALUE};

    private final Scratch scratch;
    private final int most; // rows of a tile
    private final DType type;
    private final Floats rows;
    private final Floats whole;
    private final long room; // floats
    private final boolean turns;

    private RowsApart(Scratch scratch, int rowsAtOnce, boolean turns) {
        this.scratch = scratch;
        this.turns = turns;
        type = scratch.operandType();
        most = GemmTiles.of(rowsAtOnce, 1).rowTile();
        Floats idle = scratch.idle();
        room = idle.segment().byteSize() / Float.BYTES - idle.start();
        rows = type == DType.F32 ? idle : scratch.inputs(1, 1).of(0);
        whole = idle;
    }

    /** What decides the shapes of a product but for its rows. */
    private record Shape(int inputs, int columns, Gemm.Order order) implements Comparable<Shape> {
        private static final Comparator<Shape> BY_ALL =
                Comparator.comparingInt(Shape::inputs)
                        .thenComparingInt(Shape::columns)
                        .thenComparing(Shape::order);

        @Override
        public int compareTo(Shape other) {
            return BY_ALL.compare(this, other);
        }
    }

    /**
     * Tries all products of a model.
     *
     * @param scratch of the forward, which holds nothing meanwhile
     * @param rowsAtOnce the most rows that are multiplied together
     * @param turns whether panels of some matrices are turned
     */
    static boolean hold(Scratch scratch, int rowsAtOnce, boolean turns) {
        RowsApart trial = new RowsApart(scratch, rowsAtOnce, turns);
        Set<Shape> shapes =
                IntStream.range(0, scratch.blocks())
                        .boxed()
                        .flatMap(block -> scratch.schedule(block).stages().stream())
                        .flatMap(stage -> stage.op().products())
                        .flatMap(spec -> trial.shapes(spec).stream())
                        .collect(Collectors.toCollection(TreeSet::new));
        try (Gemm gemm = new Gemm()) {
            return shapes.stream().allMatch(shape -> trial.holds(gemm, shape));
        }
    }

    /** Of the tiles that a product may be cut into. */
    private Set<Shape> shapes(LinearSpec spec) {
        Set<Shape> shapes = new TreeSet<>();
        for (int rows : TILE_ROWS) {
            GemmTiles tiles = GemmTiles.of(rows, spec.outputs());
            for (int panel : new int[] {0, tiles.columnTiles() - 1}) {
                int width = tiles.panelWidth(panel);
                Gemm.Order order = WeightPanels.stored(spec).order();
                shapes.add(new Shape(spec.inputs(), width, order));
                if (turns) {
                    Turning.order(width, spec.inputs(), type)
                            .ifPresent(
                                    turned -> shapes.add(new Shape(spec.inputs(), width, turned)));
                }
            }
        }
        return shapes;
    }

    private boolean holds(Gemm gemm, Shape shape) {
        long left = type == DType.F32 ? (long) most * shape.inputs : 0;
        if (left + (long) most * shape.columns > room) {
            return false; // nobody has tried it then
        }
        fill(rows, (long) most * shape.inputs, 1);
        fill(scratch.panel(0), (long) shape.columns * shape.inputs, 2);
        Floats expected = whole.at(left);
        multiply(gemm, shape, 0, most, expected);
        for (int count = QUANTUM; count < most; count += QUANTUM) {
            if (!isPart(gemm, shape, 0, count, expected)
                    || !isPart(gemm, shape, most - count, count, expected)) {
                return false;
            }
        }
        return true;
    }

    private boolean isPart(Gemm gemm, Shape shape, int first, int count, Floats expected) {
        Floats tile = scratch.tile(0);
        multiply(gemm, shape, first, count, tile);
        long bytes = (long) count * shape.columns * Float.BYTES;
        long from = (expected.start() + (long) first * shape.columns) * Float.BYTES;
        return MemorySegment.mismatch(
                        tile.segment(),
                        tile.start() * Float.BYTES,
                        tile.start() * Float.BYTES + bytes,
                        expected.segment(),
                        from,
                        from + bytes)
                < 0;
    }

    private void multiply(Gemm gemm, Shape shape, int first, int count, Floats out) {
        Floats panel = scratch.panel(0);
        gemm.multiply(
                type,
                count,
                shape.columns,
                shape.inputs,
                rows.segment(),
                rows.start() + (long) first * shape.inputs,
                shape.inputs,
                panel.segment(),
                panel.start(),
                shape.order,
                shape.order == Gemm.Order.INPUTS ? shape.columns : shape.inputs,
                null,
                0,
                false,
                out.segment(),
                out.start(),
                shape.columns);
    }

    /** Numbers from 1 to 2 of either sign. */
    private void fill(Floats place, long count, long seed) {
        for (long index = 0; index < count; index++) {
            int bits = ((int) SplitMix64.output(seed, index + 1) & SIGN_AND_FRACTION) | ONE;
            if (type == DType.F32) {
                place.segment()
                        .set(
                                ValueLayout.JAVA_INT_UNALIGNED,
                                (place.start() + index) * Float.BYTES,
                                bits);
            } else {
                place.segment()
                        .set(
                                ValueLayout.JAVA_SHORT_UNALIGNED,
                                (place.start() + index) * Short.BYTES,
                                (short) (bits >>> BFLOAT16_SHIFT));
            }
        }
    }
}
