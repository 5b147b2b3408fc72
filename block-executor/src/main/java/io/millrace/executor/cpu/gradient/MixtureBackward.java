package io.millrace.executor.cpu.gradient;

import io.millrace.executor.cpu.gradient.op.VectorSums;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.weight.FormedWeights;
import io.millrace.executor.cpu.weight.LinearProgram;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Variants;
import io.millrace.model.program.MixtureOp;
import io.millrace.model.program.Value;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.RouteSpec;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * The way back through what a layer does about its experts: the routes to them, and gates of rows.
 * The experts themselves have been there before, see {@link ExpertBackward}.
 */
final class MixtureBackward {
    private final LinearProgram forward;
    private final LinearBackward linear;
    private final ElementBackward elements;
    private final Floats vector;

    /**
     * A way back.
     *
     * @param forward products with a router, for its scores
     * @param linear their way back
     * @param elements shares rows among workers
     * @param vector room for a correction of each expert
     */
    MixtureBackward(
            LinearProgram forward, LinearBackward linear, ElementBackward elements, Floats vector) {
        this.forward = forward;
        this.linear = linear;
        this.elements = elements;
        this.vector = vector;
    }

    void run(MixtureOp one, GradientFrame frame) {
        switch (one) {
            case MixtureOp.GateRows op -> gate(op, frame);
            case MixtureOp.Route op -> route(op, frame);
            case MixtureOp.Experts _ -> {
                // What they add to passes; what they read has its gradient from them already.
            }
        }
    }

    /** Of {@code y = σ(g) x}: {@code dg = <dy, x> σ(g) (1 − σ(g))}, and {@code dx = σ(g) dy}. */
    private void gate(MixtureOp.GateRows op, GradientFrame frame) {
        Variants gates = frame.value(op.gate());
        Variants x = frame.value(op.in());
        Variants ofGates = frame.gradient(op.gate());
        Variants gradient = frame.gradient(op.out());
        if (frame.tape().begin(op.gate())) {
            throw new IllegalStateException(op.gate() + " is read by others, too");
        }
        int width = op.out().width();
        elements.eachRow(
                frame.rows(op.out()),
                width,
                row -> {
                    Floats in = x.of(0).at(row * x.rowStride());
                    Floats place = gradient.of(0).at(row * gradient.rowStride());
                    double gate = get(gates.of(0).at(row * gates.rowStride()));
                    double share = 1 / (1 + StrictMath.exp(-gate));
                    double product =
                            VectorSums.products(
                                    in.segment(),
                                    in.start(),
                                    place.segment(),
                                    place.start(),
                                    width);
                    set(ofGates.of(0).at(row * ofGates.rowStride()), product * share * (1 - share));
                    Rows.scale((float) share, place.segment(), place.start(), width);
                });
    }

    /** Scores take the place of the weights that were made of them, which nobody reads again. */
    private void route(MixtureOp.Route op, GradientFrame frame) {
        LinearSpec router = op.router();
        RouteSpec route = op.route();
        Value in = op.in();
        int rows = frame.rows(in);
        Variants scores = frame.value(op.out());
        Variants gradient = frame.gradient(op.out());
        forward.run(frame.weights(), router, frame.value(in), scores, rows, false);
        double[] corrections =
                route.correction()
                        .map(name -> corrections(frame.weights(), name, route.experts()))
                        .orElse(null);
        elements.eachRow(
                rows,
                (long) route.experts() * route.chosen(),
                row -> {
                    double[] made = numbers(scores.of(0).at(row * scores.rowStride()), route);
                    Floats place = gradient.of(0).at(row * gradient.rowStride());
                    double[] asked = numbers(place, route);
                    route.back(made, corrections, asked);
                    for (int expert = 0; expert < asked.length; expert++) {
                        set(place.at(expert), asked[expert]);
                    }
                });
        boolean adds = frame.tape().begin(in);
        linear.run(router, frame, frame.value(in), frame.gradient(in), gradient, rows, adds);
    }

    private double[] corrections(FormedWeights weights, String name, int experts) {
        weights.formWhole(weights.indexOf(name), vector, experts);
        double[] corrections = new double[experts];
        Arrays.setAll(corrections, expert -> get(vector.at(expert)));
        return corrections;
    }

    private static double[] numbers(Floats place, RouteSpec route) {
        double[] numbers = new double[route.experts()];
        Arrays.setAll(numbers, expert -> get(place.at(expert)));
        return numbers;
    }

    private static float get(Floats place) {
        return place.segment().getAtIndex(ValueLayout.JAVA_FLOAT, place.start());
    }

    private static void set(Floats place, double number) {
        place.segment().setAtIndex(ValueLayout.JAVA_FLOAT, place.start(), (float) number);
    }
}
