package io.millrace.optim.gradient.rule;

import io.millrace.memory.DType;
import io.millrace.optim.gradient.GradientRule;
import io.millrace.optim.gradient.TensorState;
import io.millrace.optim.gradient.TensorStep;
import io.millrace.optim.gradient.TensorTurn;
import java.util.List;

/**
 * {@link AdamW} whose moments lie in 8 bits (arXiv 2110.02861): blocks of 256 elements are held to
 * their largest magnitude, and each element is the nearest value of a dynamic map, with a sign in
 * the first moment and without one in the second. θ moves by the moments before they are rounded; a
 * first moment below 0 that would be 0 takes the nearest code below 0. All as bitsandbytes has it,
 * but that it leaves tensors of less than 4,096 elements in 32 bits, which no tensor is left in
 * here.
 *
 * @param moments the rule without rounding
 */
public record AdamW8bit(AdamW moments) implements GradientRule {
    /** The name on the command line and in the journal. */
    public static final String NAME = "adamw-8bit";

    /** Elements of a block. */
    static final int BLOCK = 256;

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public List<TensorState> kept() {
        return List.of(
                new TensorState("m", DType.U8),
                new TensorState("v", DType.U8),
                new TensorState("m-scale", DType.F32, AdamW8bit::blocks),
                new TensorState("v-scale", DType.F32, AdamW8bit::blocks));
    }

    private static long blocks(List<Long> shape) {
        return Math.ceilDiv(TensorState.ELEMENTS.of(shape), BLOCK);
    }

    @Override
    public int tileElements() {
        return BLOCK;
    }

    @Override
    public TensorStep step(TensorTurn turn) {
        return new ByteAdamStep(
                new AdamStep(AdamMoments.of(moments, turn), turn.decayShare()),
                Math.toIntExact(blocks(turn.shape())));
    }
}
