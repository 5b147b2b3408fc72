package io.millrace.executor.cuda.kernel;

import io.millrace.memory.cuda.KernelArguments;
import io.millrace.optim.update.ElementProgram;
import java.util.List;

/** Packs what kernels know of a pass over a tensor: {@code struct Pass} of form.cu. */
final class PassArguments {
    private PassArguments() {}

    static KernelArguments pack(
            KernelArguments arguments,
            WeightPass pass,
            FoldProgram program,
            DeviceTensor tensor,
            boolean stores) {
        int scales = pass.scales().size();
        arguments
                .begin()
                .int64(tensor.address())
                .int64(program.address())
                .int64(program.sums())
                .int64(pass.seed())
                .int32(program.count())
                .int32(tensor.tensorId())
                .int32(KernelCodes.of(tensor.dtype()))
                .int32(pass.direction())
                .int32(pass.flags(tensor.vector(), stores))
                .int32(scales);
        for (int scale = 0; scale < WeightPass.MAX_SCALES; scale++) {
            arguments.float32(scale < scales ? pass.scales().get(scale) : 0f);
        }
        List<DeviceTensor.State> states = tensor.states();
        arguments.int32(states.size()).int32(0);
        for (int k = 0; k < ElementProgram.MOST_STATES; k++) {
            arguments.int64(k < states.size() ? states.get(k).address() : 0);
        }
        for (int k = 0; k < ElementProgram.MOST_STATES; k++) {
            arguments.int64(k < states.size() ? KernelCodes.of(states.get(k).dtype()) : 0);
        }
        return arguments;
    }
}
