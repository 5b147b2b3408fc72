package io.millrace.executor.cpu.gradient;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.cpu.gradient.op.ActivationGradient;
import io.millrace.executor.cpu.gradient.op.VectorSums;
import io.millrace.executor.cpu.op.Activations;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.weight.LinearProgram;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Variants;
import io.millrace.model.program.MixtureOp;
import io.millrace.model.program.Value;
import io.millrace.model.spec.ExpertSpec;
import io.millrace.model.spec.GatedUnit;
import io.millrace.model.spec.LinearSpec;
import java.lang.foreign.ValueLayout;

/**
 * The way back through one expert, of the rows of a micro-batch that chose it: what it made of them
 * is made once more, its matrices get their gradients, and what it was given gets its own, added to
 * that of other experts in the order in which they come.
 */
final class ExpertBackward {
    private final LinearProgram forward;
    private final LinearBackward linear;
    private final ElementBackward elements;
    private int[] rowsOf = new int[0]; // those that chose it
    private int count;

    /**
     * A way back.
     *
     * @param forward products with its matrices
     * @param linear their way back
     * @param elements shares rows among workers
     */
    ExpertBackward(LinearProgram forward, LinearBackward linear, ElementBackward elements) {
        this.forward = forward;
        this.linear = linear;
        this.elements = elements;
    }

    /**
     * What a layer's experts were given of a micro-batch, and the gradients.
     *
     * @param in [rows, width]
     * @param routes [rows, experts]
     * @param ofIn added to
     * @param ofRoutes written where a row chose the expert
     * @param out [rows, hidden], the gradient of what the experts were added to
     */
    record Held(Variants in, Variants routes, Variants ofIn, Variants ofRoutes, Variants out) {}

    /** An expert, and the memory of the layer's tape that its rows take. */
    private record Given(MixtureOp.Experts op, ExpertSpec expert, GradientFrame frame, int count) {
        Variants value(Value value) {
            return frame.tape().of(value, count);
        }

        Variants gradient(Value value) {
            return frame.tape().gradient(value, count);
        }
    }

    /**
     * Goes back through an expert.
     *
     * @param which of the layer's
     * @param frame the micro-batch with the expert's weights and their gradients, and with a tape
     *     that has begun with its layer
     */
    void run(MixtureOp.Experts op, int which, GradientFrame frame, Held held) {
        choose(held.routes().column(which), frame.rows(op.in()));
        if (count == 0) {
            return;
        }
        Given rows = new Given(op, op.experts().get(which), frame, count);
        Variants x = rows.value(op.rowsIn());
        gather(held.in(), x, op.in().width());
        enter(rows, x);
        // What comes out of the gates lies where the gradient of what they gate will.
        Variants middle = rows.gradient(op.up());
        meet(rows, middle);
        LinearSpec down = rows.expert.down();
        Variants y = rows.value(op.rowsOut());
        forward.run(frame.weights(), down, middle, y, count, false);
        Variants dy = rows.gradient(op.rowsOut());
        leave(op, which, held, y, dy);
        Variants ofMiddle = rows.gradient(op.gate());
        linear.run(down, frame, middle, ofMiddle, dy, count, false);
        part(rows, ofMiddle);
        Variants dx = rows.gradient(op.rowsIn());
        back(rows, x, dx);
        scatter(dx, held.ofIn(), op.in().width());
    }

    private void choose(Variants weights, int rows) {
        if (rowsOf.length < rows) {
            rowsOf = new int[rows];
        }
        count = 0;
        for (int row = 0; row < rows; row++) {
            if (number(weights.of(0).at(row * weights.rowStride())) != 0) {
                rowsOf[count++] = row;
            }
        }
    }

    /** Rows one after another, and zeros behind them, which products read. */
    private void gather(Variants all, Variants some, int width) {
        elements.eachRow(
                MicroBatch.padded(count),
                width,
                row -> {
                    Floats to = some.of(0).at(row * some.rowStride());
                    if (row < count) {
                        Floats in = all.of(0).at(rowsOf[(int) row] * all.rowStride());
                        Rows.copy(in.segment(), in.start(), to.segment(), to.start(), width);
                    } else {
                        Rows.zero(to.segment(), to.start(), width);
                    }
                });
    }

    /** Gates and what they gate, apart. */
    private void enter(Given rows, Variants x) {
        MixtureOp.Experts op = rows.op;
        ExpertSpec expert = rows.expert;
        Variants gate = rows.value(op.gate());
        Variants up = rows.value(op.up());
        if (!expert.isJoined()) {
            forward.run(rows.frame.weights(), expert.gate(), x, gate, count, false);
            forward.run(rows.frame.weights(), expert.up(), x, up, count, false);
            return;
        }
        Variants both = rows.value(op.both());
        forward.run(rows.frame.weights(), expert.up(), x, both, count, false);
        int width = op.up().width();
        boolean alternating = op.unit().alternating();
        elements.eachRow(
                count,
                2L * width,
                row -> {
                    Floats in = both.of(0).at(row * both.rowStride());
                    Floats gates = gate.of(0).at(row * gate.rowStride());
                    Floats ups = up.of(0).at(row * up.rowStride());
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
                        copy(in, gates, width);
                        copy(in.at(width), ups, width);
                    }
                });
    }

    /**
     * What gates make of what they gate; both stay as they are, since their slopes are asked for.
     */
    private void meet(Given rows, Variants out) {
        MixtureOp.Experts op = rows.op;
        GatedUnit unit = op.unit();
        int width = op.up().width();
        Variants gate = rows.value(op.gate());
        Variants up = rows.value(op.up());
        Variants limited = rows.gradient(op.gate());
        elements.eachRow(
                count,
                width,
                row -> {
                    Floats gates = gate.of(0).at(row * gate.rowStride());
                    Floats ups = up.of(0).at(row * up.rowStride());
                    Floats to = out.of(0).at(row * out.rowStride());
                    if (unit.isLimited()) {
                        copy(gates, to, width);
                        clamp(Float.NEGATIVE_INFINITY, unit.limit(), 0, to, width);
                        gates = to;
                        Floats held = limited.of(0).at(row * limited.rowStride());
                        copy(ups, held, width);
                        clamp(-unit.limit(), unit.limit(), 1, held, width);
                        ups = held;
                    }
                    Activations.gated(
                            unit.activation(),
                            gates.segment(),
                            gates.start(),
                            ups.segment(),
                            ups.start(),
                            to.segment(),
                            to.start(),
                            width);
                });
    }

    private static void clamp(float least, float most, float plus, Floats place, int width) {
        Activations.clamp(least, most, plus, place.segment(), place.start(), width);
    }

    /** {@code dw = <dout, y>} and {@code dy = w dout} of each row. */
    private void leave(MixtureOp.Experts op, int which, Held held, Variants y, Variants dy) {
        Variants routes = held.routes().column(which);
        Variants ofRoutes = held.ofRoutes().column(which);
        int width = op.out().width();
        elements.eachRow(
                MicroBatch.padded(count),
                width,
                row -> {
                    Floats to = dy.of(0).at(row * dy.rowStride());
                    Rows.zero(to.segment(), to.start(), width);
                    if (row >= count) {
                        return;
                    }
                    int source = rowsOf[(int) row];
                    Floats asked = held.out().of(0).at(source * held.out().rowStride());
                    Floats made = y.of(0).at(row * y.rowStride());
                    double product =
                            VectorSums.products(
                                    asked.segment(),
                                    asked.start(),
                                    made.segment(),
                                    made.start(),
                                    width);
                    Floats ofRoute = ofRoutes.of(0).at(source * ofRoutes.rowStride());
                    ofRoute.segment()
                            .setAtIndex(ValueLayout.JAVA_FLOAT, ofRoute.start(), (float) product);
                    Rows.addScaled(
                            number(routes.of(0).at(source * routes.rowStride())),
                            asked.segment(),
                            asked.start(),
                            to.segment(),
                            to.start(),
                            width);
                });
    }

    /** The gradients of gates and of what they gated, side by side where one matrix gave both. */
    private void part(Given rows, Variants ofMiddle) {
        MixtureOp.Experts op = rows.op;
        int width = op.up().width();
        Variants gate = rows.value(op.gate());
        Variants up = rows.value(op.up());
        Variants ofUp = rows.gradient(op.up());
        Variants ofBoth = op.isJoined() ? rows.gradient(op.both()) : null;
        boolean alternating = op.unit().alternating();
        elements.eachRow(
                count,
                width,
                row -> {
                    Floats gates = gate.of(0).at(row * gate.rowStride());
                    Floats ups = up.of(0).at(row * up.rowStride());
                    Floats ofGate = ofMiddle.of(0).at(row * ofMiddle.rowStride());
                    Floats ofGated = ofUp.of(0).at(row * ofUp.rowStride());
                    ActivationGradient.gated(
                            op.unit(),
                            ofGate.segment(),
                            ofGate.start(),
                            gates.segment(),
                            gates.start(),
                            ups.segment(),
                            ups.start(),
                            ofGate.segment(),
                            ofGate.start(),
                            ofGated.segment(),
                            ofGated.start(),
                            width);
                    if (ofBoth == null) {
                        return;
                    }
                    Floats both = ofBoth.of(0).at(row * ofBoth.rowStride());
                    if (alternating) {
                        Rows.join(
                                ofGate.segment(),
                                ofGate.start(),
                                ofGated.segment(),
                                ofGated.start(),
                                both.segment(),
                                both.start(),
                                width);
                    } else {
                        copy(ofGate, both, width);
                        copy(ofGated, both.at(width), width);
                    }
                });
    }

    private void back(Given rows, Variants x, Variants dx) {
        MixtureOp.Experts op = rows.op;
        ExpertSpec expert = rows.expert;
        if (expert.isJoined()) {
            Variants both = rows.gradient(op.both());
            linear.run(expert.up(), rows.frame, x, dx, both, count, false);
        } else {
            linear.run(expert.gate(), rows.frame, x, dx, rows.gradient(op.gate()), count, false);
            linear.run(expert.up(), rows.frame, x, dx, rows.gradient(op.up()), count, true);
        }
    }

    private void scatter(Variants some, Variants all, int width) {
        elements.eachRow(
                count,
                width,
                row -> {
                    Floats in = some.of(0).at(row * some.rowStride());
                    Floats to = all.of(0).at(rowsOf[(int) row] * all.rowStride());
                    Rows.add(in.segment(), in.start(), to.segment(), to.start(), width);
                });
    }

    private static void copy(Floats from, Floats to, int width) {
        Rows.copy(from.segment(), from.start(), to.segment(), to.start(), width);
    }

    private static float number(Floats place) {
        return place.segment().getAtIndex(ValueLayout.JAVA_FLOAT, place.start());
    }
}
