package io.millrace.model.spec;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * A matrix W [outputs, inputs] and a bias as a tensor train has them (arXiv 1509.06569; initial
 * values as arXiv 2406.18060 publishes them): with inputs i = (i₁ … i_k) and outputs o = (o₁ …
 * o_k), row-major, {@code W[o, i] = G₁[·, i₁, ·] ⋯ G_k[·, i_k, ·] · G_{k+1}[·, o₁, ·] ⋯ G_{2k}[·,
 * o_k, ·]}. The cores of the inputs are thus a factor [inputs, rank], and those of the outputs one
 * [rank, outputs].
 *
 * @param name what its tensors' names begin with
 * @param inputs extents that multiply to the width of what it reads
 * @param outputs as many that multiply to the width of what it makes
 * @param rank between any two cores
 */
public record TensorTrain(String name, List<Integer> inputs, List<Integer> outputs, int rank) {
    /** Freezes the extents. */
    public TensorTrain {
        inputs = List.copyOf(inputs);
        outputs = List.copyOf(outputs);
        boolean extents = Stream.of(inputs, outputs).flatMap(List::stream).allMatch(n -> n > 0);
        if (!extents || inputs.isEmpty() || inputs.size() != outputs.size() || rank < 1) {
            throw new IllegalArgumentException(
                    name + ": no train of rank " + rank + " for " + inputs + " and " + outputs);
        }
    }

    /** Width of what it reads. */
    public int inputWidth() {
        return inputs.stream().reduce(1, Math::multiplyExact);
    }

    /** Width of what it makes. */
    public int outputWidth() {
        return outputs.stream().reduce(1, Math::multiplyExact);
    }

    /** The cores [rank before, extent, rank behind] in order, those of the inputs first. */
    public List<TensorSpec> cores() {
        List<Integer> extents = Stream.of(inputs, outputs).flatMap(List::stream).toList();
        int last = extents.size() - 1;
        // So that an element of W has this variance, whatever the rank.
        double variance = 1.0 / (inputWidth() + outputWidth());
        double share = StrictMath.pow(Math.sqrt(variance), 1.0 / extents.size());
        List<TensorSpec> cores = new ArrayList<>();
        for (int i = 0; i <= last; i++) {
            long before = i == 0 ? 1 : rank;
            long behind = i == last ? 1 : rank;
            cores.add(
                    new TensorSpec(
                            name + ".cores." + i,
                            List.of(before, (long) extents.get(i), behind),
                            TensorSpec.Initial.NORMAL,
                            share / Math.sqrt((double) behind)));
        }
        return cores;
    }

    /** The bias [outputs]. */
    public TensorSpec bias() {
        return new TensorSpec(
                name + ".bias", List.of((long) outputWidth()), TensorSpec.Initial.FAN_IN);
    }

    /** Cores and bias. */
    public List<TensorSpec> tensors() {
        return Stream.concat(cores().stream(), Stream.of(bias())).toList();
    }
}
