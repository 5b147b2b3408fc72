package io.millrace.model.program;

import io.millrace.model.spec.TensorSpec;
import io.millrace.model.spec.TensorTrain;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * {@code out = in + up(relu(down(in)))}, in memory of its own: others may read what it reads.
 *
 * @param down to the width between
 * @param up and back
 */
public record Bottleneck(TensorTrain down, TensorTrain up, Value in, Value out)
        implements Op.Beside {
    /** Checks the widths, and that the result has a place apart. */
    public Bottleneck {
        boolean whole = down.inputWidth() == in.width() && up.outputWidth() == out.width();
        boolean between = down.outputWidth() == up.inputWidth();
        boolean alike = in.width() == out.width() && in.rows() == out.rows();
        boolean dense = in.memory() != Value.Memory.KEPT;
        boolean apart = out.memory() == Value.Memory.STATES;
        if (!whole || !between || !alike || !dense || !apart) {
            throw new IllegalArgumentException(
                    "the bottleneck " + down.name() + " does not fit " + in + " and " + out);
        }
    }

    /** Numbers of a row in its middle. */
    public int width() {
        return down.outputWidth();
    }

    @Override
    public List<TensorSpec> tensors() {
        return Stream.of(down, up).flatMap(train -> train.tensors().stream()).toList();
    }

    @Override
    public List<Value> reads() {
        return List.of(in);
    }

    @Override
    public Optional<Value> makes() {
        return Optional.of(out);
    }
}
