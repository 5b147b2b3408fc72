package io.millrace.model.adapter.peft;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.file.WeightFile;
import java.util.List;

/** What holds for every tensor of an adapter's file. */
final class StoredTensors {
    private StoredTensors() {}

    /**
     * Checks a small tensor: its shape, its type, and that its numbers are finite.
     *
     * @throws BadInputException where one of them is not as it must be
     */
    static void require(WeightFile file, TensorInfo tensor, List<Long> shape) {
        if (!tensor.shape().equals(shape)) {
            throw bad(
                    file,
                    tensor,
                    "has shape " + tensor.shape() + " where the base asks for " + shape,
                    "give the base that the adapter was trained on");
        }
        if (!(tensor.format() instanceof DType dtype) || !dtype.isTrainable()) {
            throw bad(
                    file,
                    tensor,
                    "is of " + tensor.format().name(),
                    "save the adapter in F32, F16 or BF16");
        }
        float[] values = file.readFloats(tensor.name());
        for (int i = 0; i < values.length; i++) {
            if (!Float.isFinite(values[i])) {
                throw bad(
                        file,
                        tensor,
                        "has " + values[i] + " at element " + i,
                        "use an adapter of finite numbers: its training diverged");
            }
        }
    }

    private static BadInputException bad(
            WeightFile file, TensorInfo tensor, String what, String mend) {
        return new BadInputException(
                file.path().toString(), "tensor '" + tensor.name() + "' " + what, mend);
    }
}
