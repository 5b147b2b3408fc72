package io.millrace.prefetch.plan;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * How fast a device computes, all of its workers together.
 *
 * @param matmuls measured products with weights; at least one
 * @param attentions measured attention; at least one
 * @param forms what weights cost on their way into products
 * @param passSeconds an element of that function
 * @param dispatchSeconds starting one operator on all workers and waiting for them
 * @param memoryBytesPerSecond what weights can be read with at most; 0 where rates say it already
 * @param roundedMatmuls measured products of operands rounded to bfloat16; none where unknown
 */
public record ComputeRates(
        List<MatmulRate> matmuls,
        List<AttentionRate> attentions,
        FormRates forms,
        Map<Operation.Kind, Double> passSeconds,
        double dispatchSeconds,
        double memoryBytesPerSecond,
        List<MatmulRate> roundedMatmuls) {
    private static final int HALF = 2; // bytes of a weight as a card multiplies with it

    /** Freezes everything and requires rates. */
    public ComputeRates {
        matmuls = List.copyOf(matmuls);
        attentions = List.copyOf(attentions);
        roundedMatmuls = List.copyOf(roundedMatmuls);
        passSeconds = Map.copyOf(passSeconds);
        if (matmuls.isEmpty() || attentions.isEmpty()) {
            throw new IllegalArgumentException("a device without a matmul rate");
        }
    }

    /**
     * One measured product.
     *
     * @param rows rows of the left factor
     * @param inputs length of the sums
     * @param flopsPerSecond with as many columns as the measurement had
     */
    public record MatmulRate(long rows, long inputs, double flopsPerSecond) {}

    /**
     * One measured attention.
     *
     * @param tokens tokens of a sequence
     * @param headSize elements of a head
     * @param flopsPerSecond as {@link Operation.Attend#flops} counts
     */
    public record AttentionRate(long tokens, long headSize, double flopsPerSecond) {}

    /** The rates of a run whose products round their operands; empty where unknown. */
    public Optional<ComputeRates> rounding() {
        return roundedMatmuls.isEmpty()
                ? Optional.empty()
                : Optional.of(
                        new ComputeRates(
                                roundedMatmuls,
                                attentions,
                                forms.rounding(),
                                passSeconds,
                                dispatchSeconds,
                                memoryBytesPerSecond,
                                List.of()));
    }

    /** Whether the cost of a direction's z is known. */
    public boolean knows(String direction) {
        return forms.zSeconds().containsKey(direction);
    }

    /** Seconds that operations take one after another, with z of a direction. */
    public double seconds(List<Operation> operations, String direction) {
        double seconds = 0;
        for (Operation operation : operations) {
            seconds += seconds(operation, direction);
        }
        return seconds;
    }

    private double seconds(Operation operation, String direction) {
        return switch (operation) {
            case Operation.Matmul matmul -> matmulSeconds(matmul);
            case Operation.Form form -> forms.seconds(form, direction);
            case Operation.Stored stored -> forms.requireThin().seconds(stored);
            case Operation.Factor factor -> factor.elements() * forms.requireThin().factorSeconds();
            case Operation.Side side -> forms.requireThin().seconds(side);
            case Operation.Terms terms ->
                    terms.elements() * terms.terms() * forms.requireThin().termSeconds();
            case Operation.Attend attend -> attend.flops() / attentionRate(attend);
            case Operation.Pass pass ->
                    pass.elements() * passSeconds.getOrDefault(pass.kind(), 0.0);
            case Operation.Dispatch dispatch -> dispatch.times() * dispatchSeconds;
        };
    }

    private double matmulSeconds(Operation.Matmul matmul) {
        double computing = matmul.flops() / matmulRate(matmul.rows(), matmul.inputs());
        if (memoryBytesPerSecond == 0) {
            return computing;
        }
        double bytes = (double) HALF * matmul.inputs() * matmul.outputs() * matmul.times();
        return Math.max(computing, bytes / memoryBytesPerSecond);
    }

    /** The best rate that was measured, in FLOP/s. */
    public double bestMatmulRate() {
        return matmuls.stream().mapToDouble(MatmulRate::flopsPerSecond).max().orElseThrow();
    }

    /** FLOP/s of a product: between measured points in logarithms of rows and inputs. */
    public double matmulRate(long rows, long inputs) {
        TreeMap<Long, List<MatmulRate>> byInputs = new TreeMap<>();
        for (MatmulRate rate : matmuls) {
            byInputs.computeIfAbsent(rate.inputs(), missing -> new ArrayList<>()).add(rate);
        }
        TreeMap<Long, Double> atRows = new TreeMap<>();
        byInputs.forEach((width, rates) -> {
            TreeMap<Long, Double> curve = new TreeMap<>();
            rates.forEach(rate -> curve.put(rate.rows(), rate.flopsPerSecond()));
            atRows.put(width, between(curve, rows));
        });
        return between(atRows, inputs);
    }

    private double attentionRate(Operation.Attend attend) {
        // The nearest head size decides: tiles of scores are as wide as it.
        long nearest =
                attentions.stream()
                        .min(
                                Comparator.comparingDouble(rate ->
                                        Math.abs(
                                                Math.log(
                                                        (double) rate.headSize()
                                                                / attend.headSize()))))
                        .orElseThrow()
                        .headSize();
        TreeMap<Long, Double> curve = new TreeMap<>();
        attentions.stream()
                .filter(rate -> rate.headSize() == nearest)
                .forEach(rate -> curve.put(rate.tokens(), rate.flopsPerSecond()));
        return between(curve, attend.tokens());
    }

    /** A value between the two measured neighbours; that of the nearest end outside of them. */
    private static double between(TreeMap<Long, Double> curve, long at) {
        Map.Entry<Long, Double> below = curve.floorEntry(at);
        Map.Entry<Long, Double> above = curve.ceilingEntry(at);
        if (below == null || above == null || below.getKey().equals(above.getKey())) {
            return (below == null ? above : below).getValue();
        }
        double share =
                Math.log((double) at / below.getKey())
                        / Math.log((double) above.getKey() / below.getKey());
        // Time a row is what changes evenly, so the inverse of the rate is interpolated.
        return 1 / ((1 - share) / below.getValue() + share / above.getValue());
    }
}
