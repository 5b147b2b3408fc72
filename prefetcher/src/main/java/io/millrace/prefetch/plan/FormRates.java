package io.millrace.prefetch.plan;

import io.millrace.memory.DType;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/**
 * What it costs to make weights into what products read, all workers together.
 *
 * @param widenSeconds an element of that dtype: reading it and writing θ ± εz
 * @param storeSeconds an element of that dtype: rounding and storing it, on top
 * @param zSeconds an element of z of that direction, added to something
 * @param thin what is beside products of low-rank directions; empty where unknown
 */
public record FormRates(
        Map<DType, Double> widenSeconds,
        Map<DType, Double> storeSeconds,
        Map<String, Double> zSeconds,
        Optional<ThinRates> thin) {
    /** What packed matrices are reckoned as: integers of four bits in words of 32. */
    public static final DType CODES = DType.I32;

    /** The same, made into bfloat16 for products that read that. */
    public static final DType ROUNDED_CODES = DType.I16;

    /** Freezes the maps. */
    public FormRates {
        widenSeconds = Map.copyOf(widenSeconds);
        storeSeconds = Map.copyOf(storeSeconds);
        zSeconds = Map.copyOf(zSeconds);
    }

    /** The rates of a run whose products read bfloat16. */
    FormRates rounding() {
        Map<DType, Double> widen = new EnumMap<>(DType.class);
        widen.putAll(widenSeconds);
        Double rounded = widenSeconds.get(ROUNDED_CODES);
        if (rounded != null) {
            widen.put(CODES, rounded);
        }
        return new FormRates(widen, storeSeconds, zSeconds, thin);
    }

    double seconds(Operation.Form form, String direction) {
        Double z = zSeconds.get(direction);
        if (z == null) {
            throw new IllegalArgumentException("no rate of " + direction + " z");
        }
        double each = form.terms() * z;
        each += form.writes() ? widenSeconds(form.dtype()) : 0;
        each += form.stores() ? storeSeconds.getOrDefault(form.dtype(), 0.0) : 0;
        return form.elements() * each;
    }

    /**
     * Codes that were not measured are reckoned as float16, which is widened one by one as well.
     */
    private double widenSeconds(DType dtype) {
        double usual = dtype == CODES ? widenSeconds.getOrDefault(DType.F16, 0.0) : 0;
        return widenSeconds.getOrDefault(dtype, usual);
    }

    ThinRates requireThin() {
        return thin.orElseThrow(() -> new IllegalArgumentException("no rates of thin factors"));
    }
}
