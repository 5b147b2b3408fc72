package io.millrace.model.program;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.model.spec.Activation;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.NormSpec;
import java.util.List;
import java.util.Optional;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

class BlockProgramTest {
    private static final int WIDTH = 4;
    private final Value in = Value.stream("in", WIDTH);
    private final Value states = Value.states("states", WIDTH);
    private final Value out = Value.stream("out", WIDTH);

    @Test
    void leavesTheStreamAsItsLastOperatorMadeIt() {
        Op.Add add = new Op.Add(in, states, out);
        BlockProgram block = block(new Op.Norm(norm(), in, states), add);
        assertThat(block.out()).contains(out);
        assertThat(block.readers()).containsEntry(in, 2).containsEntry(states, 1);
        assertThat(block(new Op.Norm(norm(), in, states)).out()).contains(in);
    }

    @Test
    void refusesWhatNothingHasMade() {
        refused("nothing has made", new Op.Add(in, states, out));
    }

    @Test
    void refusesAReaderOfWhatWasChanged() {
        Value active = Value.states("active", WIDTH);
        refused(
                "it was changed",
                new Op.Norm(norm(), in, states),
                new Op.Activate(Activation.RELU, states, active),
                new Op.Add(in, states, out));
    }

    @Test
    void refusesAReaderOfTheStreamAsItWas() {
        refused("it was changed", new Op.Norm(norm(), in, out), new Op.Norm(norm(), in, states));
    }

    @Test
    void refusesTwoOfOneNameAndTwoThatAreKept() {
        refused(
                "two make states",
                new Op.Norm(norm(), in, states),
                new Op.Norm(norm(), in, states));
        refused(
                "keeps 2 values",
                new Op.Linear(matrix(WIDTH), in, Value.kept("one", WIDTH)),
                new Op.Linear(matrix(WIDTH), in, Value.kept("other", WIDTH)));
    }

    @Test
    void refusesShapesThatDoNotFit() {
        Value wide = Value.states("wide", WIDTH + 1);
        Value rows = Value.headStates("rows", WIDTH);
        unfit(() -> new Op.Linear(matrix(WIDTH), in, wide));
        unfit(() -> new Op.Linear(matrix(WIDTH), in, out));
        unfit(() -> new Op.Norm(norm(), in, wide));
        unfit(() -> new Op.Norm(norm(), in, rows));
        unfit(() -> new Op.Copy(rows, states));
        unfit(() -> new Op.Activate(Activation.RELU, in, states));
        unfit(() -> new Op.Gate(Activation.RELU, states, states, states));
        unfit(() -> new Op.Add(in, wide, out));
        unfit(() -> new Op.Score(matrix(WIDTH), 0, states));
        assertThatThrownBy(() -> Value.states("none", 0))
                .isInstanceOf(IllegalArgumentException.class);
    }

    private void refused(String why, Op... ops) {
        assertThatThrownBy(() -> block(ops))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("block")
                .hasMessageContaining(why);
    }

    private static void unfit(ThrowingCallable op) {
        assertThatThrownBy(op)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("does not fit");
    }

    private BlockProgram block(Op... ops) {
        return new BlockProgram("block", Optional.of(in), List.of(ops));
    }

    private static NormSpec norm() {
        return new NormSpec(NormSpec.Kind.RMS, "norm", null, WIDTH, 1e-6f, 0);
    }

    private static LinearSpec matrix(int width) {
        return new LinearSpec("matrix", null, width, width, false);
    }
}
