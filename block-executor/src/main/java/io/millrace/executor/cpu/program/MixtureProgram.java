package io.millrace.executor.cpu.program;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.cpu.op.Activations;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.RowTasks;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.weight.FormedWeights;
import io.millrace.executor.cpu.weight.LinearProgram;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.HeadSink;
import io.millrace.executor.step.Variants;
import io.millrace.model.program.MixtureOp;
import io.millrace.model.program.Value;
import io.millrace.model.spec.ExpertSpec;
import io.millrace.model.spec.GatedUnit;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.RouteSpec;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * Routes tokens to experts, each scale its own, and adds what experts give in order of expert. The
 * rows of an expert's products are those of the scale with the most, so that all scales share them.
 */
final class MixtureProgram {
    private final WorkerPool pool;
    private final LinearProgram linear;
    private final Scratch scratch;
    private int[] rowsOf = new int[0]; // of each scale those that chose an expert
    private int[] counts = new int[0];

    MixtureProgram(WorkerPool pool, LinearProgram linear, Scratch scratch) {
        this.pool = pool;
        this.linear = linear;
        this.scratch = scratch;
    }

    void run(MixtureOp op, BlockFrame frame, Variants out, int rows) {
        switch (op) {
            case MixtureOp.GateRows gate -> gate(gate, frame, out, rows);
            case MixtureOp.Route route -> route(route, frame, out, rows);
            case MixtureOp.Experts _ -> {
                // They come one by one, in blocks of their own.
            }
        }
    }

    /** Adds the experts that any row of a micro-batch chose. */
    void addChosen(MixtureOp.Experts op, BlockFrame frame, BitSet chosen) {
        Variants routes = frame.place(op.routes());
        for (int scale = 0; scale < frame.scales(); scale++) {
            for (int row = 0; row < frame.rows(op.in().rows()); row++) {
                Floats weights = routes.of(scale).at(row * routes.rowStride());
                for (int expert = 0; expert < op.experts().size(); expert++) {
                    if (number(weights.at(expert)) != 0) {
                        chosen.set(expert);
                    }
                }
            }
        }
    }

    /** Adds what an expert gives to the rows that chose it. */
    void runExpert(MixtureOp.Experts op, int expert, BlockFrame frame) {
        int rows = frame.rows(op.in().rows());
        Variants routes = frame.place(op.routes());
        int most = choose(routes, expert, frame.scales(), rows);
        if (most > 0) {
            Variants made = apply(op, op.experts().get(expert), frame, rows, most);
            add(made, routes, expert, frame.scales(), rows, frame.place(op.out()));
        }
    }

    private void gate(MixtureOp.GateRows op, BlockFrame frame, Variants out, int rows) {
        Variants gates = frame.place(op.gate());
        int width = op.out().width();
        RowTasks.run(
                pool,
                Operator.ACTIVATION,
                frame.scales(),
                rows,
                width,
                (scale, from, to, worker) -> {
                    for (int row = from; row < to; row++) {
                        float gate = number(gates.of(scale).at(row * gates.rowStride()));
                        Floats place = out.of(scale).at(row * out.rowStride());
                        float share = (float) (1 / (1 + StrictMath.exp(-gate)));
                        Rows.scale(share, place.segment(), place.start(), width);
                    }
                });
    }

    private void route(MixtureOp.Route op, BlockFrame frame, Variants out, int rows) {
        linear.run(frame.weights(), op.router(), frame.place(op.in()), out, rows, false);
        RouteSpec route = op.route();
        double[] corrections =
                route.correction()
                        .map(name -> corrections(frame.weights(), name, route))
                        .orElse(null);
        RowTasks.run(
                pool,
                Operator.ACTIVATION,
                frame.scales(),
                rows,
                (long) route.experts() * route.chosen(),
                (scale, from, to, worker) -> {
                    double[] scores = new double[route.experts()];
                    for (int row = from; row < to; row++) {
                        Floats place = out.of(scale).at(row * out.rowStride());
                        Arrays.setAll(scores, expert -> number(place.at(expert)));
                        route.weigh(scores, corrections);
                        for (int expert = 0; expert < scores.length; expert++) {
                            place.segment()
                                    .setAtIndex(
                                            ValueLayout.JAVA_FLOAT,
                                            place.start() + expert,
                                            (float) scores[expert]);
                        }
                    }
                });
    }

    /** No run trains them: they are the same for all scales. */
    private double[] corrections(FormedWeights weights, String name, RouteSpec route) {
        Floats place = scratch.vector(1);
        weights.formWhole(weights.indexOf(name), place, route.experts());
        double[] corrections = new double[route.experts()];
        Arrays.setAll(corrections, expert -> number(place.at(expert)));
        return corrections;
    }

    private static float number(Floats place) {
        return place.segment().getAtIndex(ValueLayout.JAVA_FLOAT, place.start());
    }

    /** Lists the rows that chose an expert; the most of any scale. */
    private int choose(Variants routes, int expert, int scales, int rows) {
        if (rowsOf.length < scales * rows) {
            rowsOf = new int[scales * rows];
        }
        if (counts.length < scales) {
            counts = new int[scales];
        }
        int most = 0;
        for (int scale = 0; scale < scales; scale++) {
            Floats weights = routes.of(scale).at(expert);
            int count = 0;
            for (int row = 0; row < rows; row++) {
                if (number(weights.at(row * routes.rowStride())) != 0) {
                    rowsOf[scale * rows + count++] = row;
                }
            }
            counts[scale] = count;
            most = Math.max(most, count);
        }
        return most;
    }

    private Variants apply(
            MixtureOp.Experts op, ExpertSpec expert, BlockFrame frame, int rows, int most) {
        Variants in = gather(op, frame, rows, most);
        HeadSink sink = frame.answer().sink();
        Variants gate;
        Variants up;
        if (expert.isJoined()) {
            sink.entering(List.of(expert.up()), in, most);
            Variants both = multiply(expert.up(), in, op.both(), frame, most);
            gate = frame.states(op.gate(), most);
            up = frame.states(op.up(), most);
            part(op, both, gate, up, frame.scales(), most);
        } else {
            sink.entering(List.of(expert.gate(), expert.up()), in, most);
            gate = multiply(expert.gate(), in, op.gate(), frame, most);
            up = multiply(expert.up(), in, op.up(), frame, most);
        }
        meet(op, gate, up, frame.scales(), most);
        sink.entering(List.of(expert.down()), gate, most);
        return multiply(expert.down(), gate, op.rowsOut(), frame, most);
    }

    /** Gates and what they gate, apart. */
    private void part(
            MixtureOp.Experts op, Variants both, Variants gate, Variants up, int scales, int rows) {
        int width = op.up().width();
        boolean alternating = op.unit().alternating();
        RowTasks.run(
                pool,
                Operator.ACTIVATION,
                scales,
                rows,
                2L * width,
                (scale, from, to, worker) -> {
                    for (int row = from; row < to; row++) {
                        Floats in = both.of(scale).at(2L * row * width);
                        Floats gates = gate.of(scale).at((long) row * width);
                        Floats ups = up.of(scale).at((long) row * width);
                        if (alternating) {
                            Rows.part(
                                    in.segment(),
                                    in.start(),
                                    gates.segment(),
                                    gates.start(),
                                    ups.segment(),
                                    ups.start(),
                                    width);
                        } else {
                            Floats second = in.at(width);
                            Rows.copy(
                                    in.segment(),
                                    in.start(),
                                    gates.segment(),
                                    gates.start(),
                                    width);
                            Rows.copy(
                                    second.segment(),
                                    second.start(),
                                    ups.segment(),
                                    ups.start(),
                                    width);
                        }
                    }
                });
    }

    /** What gates make of what they gate, in the place of the gates. */
    private void meet(MixtureOp.Experts op, Variants gate, Variants up, int scales, int rows) {
        int width = op.up().width();
        GatedUnit unit = op.unit();
        RowTasks.run(
                pool,
                Operator.ACTIVATION,
                scales,
                rows,
                width,
                (scale, from, to, worker) -> {
                    Floats gates = gate.of(scale).at((long) from * width);
                    Floats ups = up.of(scale).at((long) from * width);
                    long count = (long) (to - from) * width;
                    if (unit.isLimited()) {
                        float most = unit.limit();
                        Activations.clamp(
                                Float.NEGATIVE_INFINITY,
                                most,
                                0,
                                gates.segment(),
                                gates.start(),
                                count);
                        Activations.clamp(-most, most, 1, ups.segment(), ups.start(), count);
                    }
                    Activations.gated(
                            unit.activation(),
                            gates.segment(),
                            gates.start(),
                            ups.segment(),
                            ups.start(),
                            gates.segment(),
                            gates.start(),
                            count);
                });
    }

    private Variants multiply(
            LinearSpec matrix, Variants in, Value value, BlockFrame frame, int rows) {
        Variants out = frame.states(value, rows);
        linear.run(frame.weights(), matrix, in, out, rows, false);
        return out;
    }

    /** The rows that chose the expert, and zeros behind them where another scale has more. */
    private Variants gather(MixtureOp.Experts op, BlockFrame frame, int rows, int most) {
        Variants all = frame.place(op.in());
        Variants some = frame.states(op.rowsIn(), most);
        int width = op.in().width();
        int padded = MicroBatch.padded(most);
        RowTasks.run(
                pool,
                Operator.ACTIVATION,
                frame.scales(),
                padded,
                width,
                (scale, from, to, worker) -> {
                    for (int row = from; row < to; row++) {
                        Floats place = some.of(scale).at((long) row * width);
                        if (row < counts[scale]) {
                            int source = rowsOf[scale * rows + row];
                            Floats old = all.of(scale).at(source * all.rowStride());
                            Rows.copy(
                                    old.segment(),
                                    old.start(),
                                    place.segment(),
                                    place.start(),
                                    width);
                        } else {
                            Rows.zero(place.segment(), place.start(), width);
                        }
                    }
                });
        return some;
    }

    private void add(
            Variants made, Variants routes, int expert, int scales, int rows, Variants out) {
        long width = made.rowStride();
        RowTasks.run(
                pool,
                Operator.ACTIVATION,
                scales,
                Arrays.stream(counts, 0, scales).max().orElse(0),
                width,
                (scale, from, to, worker) -> {
                    for (int row = from; row < Math.min(to, counts[scale]); row++) {
                        int target = rowsOf[scale * rows + row];
                        Floats weight = routes.of(scale).at(target * routes.rowStride() + expert);
                        Floats in = made.of(scale).at(row * width);
                        Floats sum = out.of(scale).at(target * out.rowStride());
                        Rows.addScaled(
                                number(weight),
                                in.segment(),
                                in.start(),
                                sum.segment(),
                                sum.start(),
                                width);
                    }
                });
    }
}
