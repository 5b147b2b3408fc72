package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.telemetry.json.JsonObject;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Gradients of one model as PyTorch's autograd has them in float64, in a few figures a tensor; what
 * the files hold stands in {@code gradients/README.md}.
 *
 * @param file all of the file
 * @param loss the mean cross-entropy over what is scored
 * @param untrained tensors of the checkpoint that have no gradient
 * @param tensors the others
 */
record GradientGoldens(JsonObject file, double loss, Set<String> untrained, List<Tensor> tensors) {
    /**
     * How far a gradient may be off, in parts of its norm: over twenty times what PyTorch's own in
     * float32 is off at its worst.
     */
    static final double BOUND = 1e-4;

    /**
     * How far any gradient may be off, in parts of the norm of all together: where terms cancel, as
     * those of a key's bias do altogether, what is left is the rounding of what cancelled.
     */
    static final double FLOOR = 1e-6;

    /**
     * One tensor's gradient.
     *
     * @param name the checkpoint's
     * @param shape as the checkpoint stores it
     * @param norm the square root of the sum of squares
     * @param dot the sum of elements, each with its {@link #sign}
     * @param elements those of largest magnitude, none where the norm is 0
     */
    record Tensor(String name, List<Long> shape, double norm, double dot, List<Element> elements) {
        /** How many elements the tensor has. */
        int size() {
            return Math.toIntExact(shape.stream().reduce(1L, Math::multiplyExact));
        }

        /**
         * Holds another gradient to this one, of which it may be {@code within} off in norm.
         *
         * <p>Of a difference e, norm and elements differ by at most |e|, and the dot, by
         * Cauchy–Schwarz with n signs, by at most |e|·√n.
         */
        void check(float[] gradient, double within) {
            assertThat(gradient.length).as("elements of %s", name).isEqualTo(size());
            double squares = 0;
            double sum = 0;
            for (int i = 0; i < gradient.length; i++) {
                squares += (double) gradient[i] * gradient[i];
                sum += sign(i) * gradient[i];
            }
            assertThat(Math.sqrt(squares)).as("norm of %s", name).isEqualTo(norm, within(within));
            for (Element element : elements) {
                assertThat((double) gradient[element.index])
                        .as("element %d of %s", element.index, name)
                        .isEqualTo(element.value, within(within));
            }
            double spread = Math.sqrt((double) gradient.length);
            assertThat(sum).as("dot of %s", name).isEqualTo(dot, within(within * spread));
        }
    }

    /**
     * One element.
     *
     * @param index row-major
     * @param value its gradient
     */
    record Element(int index, double value) {}

    /** Reads {@code gradients/NAME}. */
    static GradientGoldens read(String name) {
        return of(Golden.parse(path(name)));
    }

    /** Where a file or folder of gradients is. */
    static Path path(String name) {
        try {
            return Path.of(GradientGoldens.class.getResource("/gradients/" + name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    static GradientGoldens of(JsonObject file) {
        Set<String> untrained = new LinkedHashSet<>();
        if (file.has("untrained")) {
            file.array("untrained").forEach(name -> untrained.add((String) name));
        }
        List<Tensor> tensors = new ArrayList<>();
        for (Object tensor : file.array("tensors")) {
            tensors.add(tensor((List<?>) tensor));
        }
        return new GradientGoldens(file, file.number("loss"), untrained, tensors);
    }

    static Tensor tensor(List<?> fields) {
        return new Tensor(
                (String) fields.get(0),
                ((List<?>) fields.get(1)).stream().map(Long.class::cast).toList(),
                ((Number) fields.get(2)).doubleValue(),
                ((Number) fields.get(3)).doubleValue(),
                ((List<?>) fields.get(4))
                        .stream()
                                .map(element -> (List<?>) element)
                                .map(element ->
                                        new Element(
                                                ((Number) element.get(0)).intValue(),
                                                ((Number) element.get(1)).doubleValue()))
                                .toList());
    }

    /** 1 or −1 for a row-major index, by a bit of Knuth's multiplicative hash. */
    static int sign(int index) {
        long hash = index * 2654435761L & 0xFFFFFFFFL;
        return (hash >>> 16 & 1) == 0 ? 1 : -1;
    }

    /** The norm of all tensors together. */
    double norm() {
        return Math.sqrt(tensors.stream().mapToDouble(tensor -> tensor.norm * tensor.norm).sum());
    }

    /** How far a tensor's gradient may be off, in norm. */
    double bound(Tensor tensor) {
        return Math.max(BOUND * tensor.norm, FLOOR * norm());
    }

    /**
     * Holds gradients by the checkpoint's names to all of these, and to no others; of what is not
     * trained there may be none, or zeros.
     */
    void check(Map<String, float[]> gradients) {
        Set<String> left = new LinkedHashSet<>(gradients.keySet());
        for (Tensor tensor : tensors) {
            assertThat(gradients).containsKey(tensor.name);
            tensor.check(gradients.get(tensor.name), bound(tensor));
            left.remove(tensor.name);
        }
        for (String name : untrained) {
            if (left.remove(name)) {
                assertThat(gradients.get(name)).as(name).containsOnly(0f);
            }
        }
        assertThat(left).as("tensors that have no gradient").isEmpty();
    }
}
