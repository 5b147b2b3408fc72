package io.millrace.model.text;

import java.util.List;
import java.util.OptionalInt;

/**
 * The ids with a meaning of their own, as far as the model's folder names them.
 *
 * @param bos begins a text
 * @param eos ends a text
 * @param pad fills up a row; never scored
 * @param stops the ids that end a generation, empty when none is known
 */
public record SpecialTokens(
        OptionalInt bos, OptionalInt eos, OptionalInt pad, List<Integer> stops) {

    /** Freezes the list. */
    public SpecialTokens {
        stops = List.copyOf(stops);
    }

    /** Whether a generation ends with this id. */
    public boolean isStop(int id) {
        return stops.contains(id);
    }
}
