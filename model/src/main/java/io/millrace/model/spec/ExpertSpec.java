package io.millrace.model.spec;

import java.util.stream.Stream;

/**
 * {@code down(act(gate(x)) ⊙ up(x))}, for the tokens that chose it.
 *
 * @param gate from the stream's width to the inner width
 * @param up from the stream's width to the inner width
 * @param down back to the stream's width
 */
public record ExpertSpec(LinearSpec gate, LinearSpec up, LinearSpec down) {
    /** Its matrices in the order in which they are multiplied with. */
    public Stream<LinearSpec> matrices() {
        return Stream.of(gate, up, down);
    }

    /** Numbers of a token between its matrices. */
    public int inner() {
        return down.inputs();
    }
}
