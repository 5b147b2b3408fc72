package io.millrace.executor.cpu.gradient;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.cpu.gradient.op.ActivationGradient;
import io.millrace.executor.cpu.gradient.op.CoreGradients;
import io.millrace.executor.cpu.op.Activations;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.program.BottleneckProgram;
import io.millrace.executor.schedule.BottleneckPlaces;
import io.millrace.executor.schedule.TrainPlaces;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Variants;
import io.millrace.model.program.Bottleneck;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.Activation;
import io.millrace.model.spec.TensorSpec;
import io.millrace.model.spec.TensorTrain;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The way back through bottlenecks of tensor trains: to the two factors that a train's cores are
 * contracted to, and from these to the cores.
 */
final class BottleneckBackward {
    private final ThinRows thinRows;
    private final GradientProducts products;
    private final LinearBackward linear;
    private final ElementBackward elements;
    private final Floats formed;
    private final Floats factors;
    private final Floats thin;

    /**
     * A way back.
     *
     * @param thinRows products with factors
     * @param products of gradients with what came in
     * @param linear adds up columns
     * @param elements shares rows among workers
     * @param formed room for all that is made of a bottleneck's tensors
     * @param factors room as {@link #factorFloats} says
     * @param thin room for rows between its matrices, twice
     */
    BottleneckBackward(
            ThinRows thinRows,
            GradientProducts products,
            LinearBackward linear,
            ElementBackward elements,
            Floats formed,
            Floats factors,
            Floats thin) {
        this.thinRows = thinRows;
        this.products = products;
        this.linear = linear;
        this.elements = elements;
        this.formed = formed;
        this.factors = factors;
        this.thin = thin;
    }

    /** Floats of the gradients of a train's two factors; 0 where a model has none. */
    static long factorFloats(ModelProgram program) {
        return program.ops()
                .filter(Bottleneck.class::isInstance)
                .map(Bottleneck.class::cast)
                .flatMap(op -> Stream.of(op.down(), op.up()))
                .mapToLong(train ->
                        (long) train.rank() * ((long) train.inputWidth() + train.outputWidth()))
                .max()
                .orElse(0);
    }

    /** Of {@code y = x + up(relu(down(x)))}. */
    void run(Bottleneck op, GradientFrame frame) {
        BottleneckPlaces places = BottleneckPlaces.of(op);
        BottleneckProgram.contract(frame.weights(), places, formed);
        int rows = frame.rows(op.in());
        int middle = op.width();
        TensorTrain down = op.down();
        TensorTrain up = op.up();
        long padded = MicroBatch.padded(rows);
        Variants hidden = new Variants(thin, 0, middle);
        Variants ofHidden = new Variants(thin.at(padded * middle), 0, middle);
        Floats behind = thin.at(2 * padded * middle);
        Variants seenDown = new Variants(behind, 0, down.rank());
        Variants seenUp = new Variants(behind.at(padded * down.rank()), 0, up.rank());
        Variants x = frame.value(op.in());
        Variants dx = frame.gradient(op.in());
        Variants dy = frame.gradient(op.out());

        elements.add(dy, dx, op.in().width(), rows, frame.tape().begin(op.in()));
        Floats first = formed.at(places.down().first());
        Floats second = formed.at(places.down().second());
        Floats bias = formed.at(places.down().bias());
        thinRows.multiplyTurned(rows, down.rank(), down.inputWidth(), 1, x, first, 0, seenDown);
        elements.eachRow(
                rows,
                middle,
                row -> {
                    Floats to = hidden.of(0).at(row * middle);
                    Rows.copy(bias.segment(), bias.start(), to.segment(), to.start(), middle);
                });
        thinRows.multiply(rows, middle, down.rank(), 1, seenDown, second, 1, hidden);
        elements.eachRow(
                rows,
                middle,
                row -> {
                    Floats to = hidden.of(0).at(row * middle);
                    Activations.apply(
                            Activation.RELU,
                            to.segment(),
                            to.start(),
                            to.segment(),
                            to.start(),
                            middle);
                });
        Floats firstUp = formed.at(places.up().first());
        thinRows.multiplyTurned(rows, up.rank(), middle, 1, hidden, firstUp, 0, seenUp);

        train(places.up(), frame, hidden, seenUp, dy, ofHidden, rows, false);
        elements.eachRow(
                rows,
                middle,
                row -> {
                    // What came out of the activation is above 0 where what came in is.
                    Floats in = hidden.of(0).at(row * middle);
                    Floats to = ofHidden.of(0).at(row * middle);
                    ActivationGradient.multiply(
                            Activation.RELU,
                            in.segment(),
                            in.start(),
                            to.segment(),
                            to.start(),
                            middle);
                });
        train(places.down(), frame, x, seenDown, ofHidden, dx, rows, true);
    }

    /**
     * One train.
     *
     * @param x what it read
     * @param seen that times its first factor; lost
     * @param dy gradient of what it made
     * @param dx gets that of what it read
     */
    private void train(
            TrainPlaces places,
            GradientFrame frame,
            Variants x,
            Variants seen,
            Variants dy,
            Variants dx,
            int rows,
            boolean adds) {
        TensorTrain train = places.train();
        int rank = train.rank();
        int inputs = train.inputWidth();
        int outputs = train.outputWidth();
        frame.gradient(train.bias().name())
                .ifPresent(to -> linear.addColumns(dy, outputs, rows, to));
        Floats ofFirst = factors;
        Floats ofSecond = factors.at((long) rank * inputs);
        Rows.zero(factors.segment(), factors.start(), (long) rank * (inputs + (long) outputs));
        products.addOuter(seen, rank, dy, outputs, rows, ofSecond);
        Floats second = formed.at(places.second());
        thinRows.multiplyTurned(rows, rank, outputs, 1, dy, second, 0, seen);
        products.addOuter(seen, rank, x, inputs, rows, ofFirst);
        Floats first = formed.at(places.first());
        thinRows.multiply(rows, inputs, rank, 1, seen, first, adds ? 1 : 0, dx);

        int half = train.inputs().size();
        double[] turned = new double[rank * inputs];
        for (int column = 0; column < inputs; column++) {
            for (int j = 0; j < rank; j++) {
                turned[column * rank + j] = get(ofFirst, (long) j * inputs + column);
            }
        }
        addCores(places, frame, 0, half, turned);
        addCores(places, frame, half, 2 * half, numbers(ofSecond, rank * outputs));
    }

    private void addCores(
            TrainPlaces places, GradientFrame frame, int from, int to, double[] factor) {
        List<TensorSpec> specs = places.train().cores().subList(from, to);
        List<CoreGradients.Core> cores = new ArrayList<>();
        for (int index = 0; index < specs.size(); index++) {
            List<Long> shape = specs.get(index).shape();
            double[] values =
                    numbers(
                            formed.at(places.core(from + index)),
                            Math.toIntExact(specs.get(index).elements()));
            cores.add(
                    new CoreGradients.Core(
                            Math.toIntExact(shape.get(0)),
                            Math.toIntExact(shape.get(1)),
                            Math.toIntExact(shape.get(2)),
                            values));
        }
        List<double[]> gradients = CoreGradients.of(cores, factor);
        for (int index = 0; index < specs.size(); index++) {
            Optional<Floats> place = frame.gradient(specs.get(index).name());
            double[] gradient = gradients.get(index);
            place.ifPresent(at -> {
                for (int i = 0; i < gradient.length; i++) {
                    set(at, i, (float) (get(at, i) + gradient[i]));
                }
            });
        }
    }

    private static double[] numbers(Floats place, int count) {
        double[] numbers = new double[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = get(place, i);
        }
        return numbers;
    }

    private static float get(Floats place, long index) {
        return place.segment().getAtIndex(ValueLayout.JAVA_FLOAT, place.start() + index);
    }

    private static void set(Floats place, long index, float value) {
        place.segment().setAtIndex(ValueLayout.JAVA_FLOAT, place.start() + index, value);
    }
}
