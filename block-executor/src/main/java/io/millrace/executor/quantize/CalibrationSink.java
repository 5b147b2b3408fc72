package io.millrace.executor.quantize;

import io.millrace.executor.step.HeadSink;
import io.millrace.executor.step.Variants;
import io.millrace.memory.BadInputException;
import io.millrace.model.ModelLayout;
import io.millrace.model.program.BlockProgram;
import io.millrace.model.program.MixtureOp;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import io.millrace.model.quantize.Feedback;
import io.millrace.model.quantize.InputMoments;
import io.millrace.model.quantize.QuantMatrix;
import io.millrace.model.quantize.QuantizedModel;
import io.millrace.model.quantize.TensorError;
import io.millrace.model.spec.ExpertSpec;
import io.millrace.model.spec.LinearSpec;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Sees what enters the products of each block, and quantises the block's matrices once all of it
 * has passed, so that sums of one block at a time are kept.
 */
final class CalibrationSink implements HeadSink {
    /** Inputs whose errors are made up for together: as many as a square of fits a cache. */
    private static final int WINDOW = 512;

    /** Of the mean of the diagonal, as the method's authors have it. */
    private static final double DAMPING = 0.01;

    private static final int ROWS_AT_ONCE = 128;

    private final QuantizedModel made;
    private final ModelLayout layout;
    private final Path text;
    private final int window;
    private final Map<String, TensorError> errors = new HashMap<>();
    private final Map<List<String>, InputMoments> seen = new LinkedHashMap<>();
    private float[] rows = new float[0];
    private int block = -1; // none yet

    CalibrationSink(QuantizedModel made, ModelLayout layout, Path text) {
        this.made = made;
        this.layout = layout;
        this.text = text;
        window = made.window(WINDOW);
    }

    /** Bytes that the sums of the block with the most take, and what is made of one of them. */
    long bytes(ModelProgram program) {
        long most = 0;
        long largest = 0;
        for (BlockProgram layer : program.layers()) {
            List<Long> each = layer.ops().stream().flatMap(this::each).toList();
            most = Math.max(most, each.stream().mapToLong(bytes -> bytes).sum());
            largest = Math.max(largest, each.stream().max(Long::compare).orElse(0L));
        }
        return most + largest;
    }

    private Stream<Long> each(Op op) {
        return switch (op) {
            case Op.Linear linear -> Stream.of(bytes(linear.matrices().getFirst()));
            case MixtureOp.Experts experts -> {
                ExpertSpec one = experts.experts().getFirst();
                yield Stream.of(bytes(one.gate()), bytes(one.down()));
            }
            default -> Stream.empty();
        };
    }

    private long bytes(LinearSpec matrix) {
        return InputMoments.bytes(matrix.inputs(), window);
    }

    @Override
    public void entering(List<LinearSpec> matrices, Variants x, int count) {
        List<String> names =
                matrices.stream()
                        .map(LinearSpec::weight)
                        .filter(made.matrices()::containsKey)
                        .toList();
        if (names.isEmpty()) {
            return;
        }
        int own = layout.find(names.getFirst()).orElseThrow().block();
        if (own != block) {
            quantiseSeen();
            block = own;
        }
        int inputs = matrices.getFirst().inputs();
        InputMoments moments = seen.computeIfAbsent(names, _ -> new InputMoments(inputs, window));
        for (int from = 0; from < count; from += ROWS_AT_ONCE) {
            int part = Math.min(ROWS_AT_ONCE, count - from);
            moments.add(copy(x, from, part, inputs), part);
        }
    }

    private float[] copy(Variants x, int from, int count, int inputs) {
        if (rows.length < ROWS_AT_ONCE * inputs) {
            rows = new float[ROWS_AT_ONCE * inputs];
        }
        x.copyRows(from, count, inputs, rows);
        return rows;
    }

    private void quantiseSeen() {
        seen.forEach((names, moments) -> {
            if (!moments.isFinite()) {
                throw new BadInputException(
                        text.toString(),
                        "makes the model multiply " + names.getFirst() + " with what is no number",
                        "calibrate with other text");
            }
            Optional<Feedback> feedback = Optional.of(Feedback.of(moments, DAMPING));
            names.forEach(name -> quantise(made.matrices().get(name), feedback));
        });
        seen.clear();
    }

    private void quantise(QuantMatrix matrix, Optional<Feedback> feedback) {
        errors.put(matrix.tensor(), made.quantise(matrix, feedback));
    }

    /** Quantises what is left, experts that no token chose among it; all errors, in order. */
    List<TensorError> finish() {
        quantiseSeen();
        Set<String> left = new HashSet<>(made.matrices().keySet());
        left.removeAll(errors.keySet());
        List<TensorError> all = new ArrayList<>();
        made.matrices()
                .forEach((name, matrix) -> {
                    if (left.contains(name)) {
                        quantise(matrix, Optional.empty());
                    }
                    all.add(errors.get(name));
                });
        return all;
    }

    @Override
    public boolean wantsLogits() {
        return false;
    }

    @Override
    public Variants logits(int query, int microBatch) {
        throw new IllegalStateException("nobody wants logits");
    }

    @Override
    public void losses(int query, int scale, int microBatch, double[] losses, int count) {
        // What matrices are multiplied with is all that counts.
    }
}
