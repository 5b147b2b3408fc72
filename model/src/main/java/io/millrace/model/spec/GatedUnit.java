package io.millrace.model.spec;

/**
 * How an expert's gates meet what they gate: {@code activation(gate) · up}, or with a limit {@code
 * activation(min(gate, limit)) · (clamp(up, ±limit) + 1)}.
 *
 * @param activation of a gate
 * @param alternating where one matrix gives both, whether each gate lies before what it gates, and
 *     not all gates before all of that
 * @param limit the limit, 0 for none
 */
public record GatedUnit(Activation activation, boolean alternating, float limit) {
    /** Checks the limit. */
    public GatedUnit {
        if (!(limit >= 0)) {
            throw new IllegalArgumentException("a limit of " + limit);
        }
    }

    /** {@code activation(gate) · up}, gates apart or first. */
    public static GatedUnit of(Activation activation) {
        return new GatedUnit(activation, false, 0);
    }

    /** Whether there is a limit. */
    public boolean isLimited() {
        return limit > 0;
    }
}
