package io.millrace.model.spec;

import java.util.stream.Stream;

/**
 * {@code down(gated(gate(x), up(x)))}, for the tokens that chose it.
 *
 * @param gate from the stream's width to the inner width, or null where {@code up} gives gates too
 * @param up from the stream's width to the inner width, or to twice that
 * @param down back to the stream's width
 */
public record ExpertSpec(LinearSpec gate, LinearSpec up, LinearSpec down) {
    /** Its matrices in the order in which they are multiplied with. */
    public Stream<LinearSpec> matrices() {
        return Stream.concat(Stream.ofNullable(gate), Stream.of(up, down));
    }

    /** Whether one matrix gives the gates and what they gate. */
    public boolean isJoined() {
        return gate == null;
    }

    /** Numbers of a token between its matrices. */
    public int inner() {
        return down.inputs();
    }
}
