package io.millrace.memory.nvme.io;

import io.millrace.memory.BadInputException;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Which faults a drive shows, drawn from a seed.
 *
 * @param seed of the draws: the n-th request of a file system meets the same fault every time
 * @param rates how often each fault strikes what it can strike, from 0 to 1; none where it is left
 *     out
 * @param delayNs how long a request waits before it begins on average: from nothing to twice that
 * @param limit faults after which the drive is sound again; delays do not count
 */
public record FaultPlan(long seed, Map<Fault, Double> rates, long delayNs, long limit) {
    /** Where a run is told which faults to rehearse. */
    public static final String PROPERTY = "millrace.faults";

    private static final long NS_PER_US = 1000;

    /** Freezes the rates. */
    public FaultPlan {
        Map<Fault, Double> copy = new EnumMap<>(Fault.class);
        copy.putAll(rates);
        rates = Collections.unmodifiableMap(copy);
    }

    /** A drive without faults. */
    public static FaultPlan none(long seed) {
        return new FaultPlan(seed, Map.of(), 0, Long.MAX_VALUE);
    }

    /**
     * Reads faults as a run is told them: {@code seed=7,delay-us=300,short=0.1,read-error=0.001}.
     *
     * @param text what {@link #PROPERTY} says
     * @throws BadInputException naming the part that is not understood
     */
    public static FaultPlan parse(String text) {
        FaultPlan plan = none(0);
        for (String part : text.split(",", -1)) {
            String[] sides = part.split("=", 2);
            try {
                plan = plan.with(sides[0].strip(), sides.length < 2 ? "" : sides[1].strip());
            } catch (NumberFormatException e) {
                throw new BadInputException(
                        PROPERTY, "'" + part + "' has no number", "write such as delay-us=300");
            }
        }
        return plan;
    }

    private FaultPlan with(String name, String value) {
        return switch (name) {
            case "seed" -> new FaultPlan(Long.parseLong(value), rates, delayNs, limit);
            case "delay-us" -> withDelay(Long.parseLong(value) * NS_PER_US);
            case "limit" -> withLimit(Long.parseLong(value));
            default -> with(named(name), Double.parseDouble(value));
        };
    }

    private static Fault named(String name) {
        return Arrays.stream(Fault.values())
                .filter(fault -> fault.label().equals(name))
                .findFirst()
                .orElseThrow(() ->
                        new BadInputException(
                                PROPERTY,
                                "there is no fault '" + name + "'",
                                "take seed, delay-us, limit, "
                                        + Arrays.stream(Fault.values())
                                                .map(Fault::label)
                                                .collect(Collectors.joining(", "))));
    }

    /** How often a fault strikes. */
    double rate(Fault fault) {
        return rates.getOrDefault(fault, 0.0);
    }

    /** The same with a fault at a rate. */
    public FaultPlan with(Fault fault, double rate) {
        Map<Fault, Double> more = new EnumMap<>(Fault.class);
        more.putAll(rates);
        more.put(fault, rate);
        return new FaultPlan(seed, more, delayNs, limit);
    }

    /** The same with a drive that takes its time. */
    public FaultPlan withDelay(long ns) {
        return new FaultPlan(seed, rates, ns, limit);
    }

    /** The same, but sound again after so many faults. */
    public FaultPlan withLimit(long faults) {
        return new FaultPlan(seed, rates, delayNs, faults);
    }
}
