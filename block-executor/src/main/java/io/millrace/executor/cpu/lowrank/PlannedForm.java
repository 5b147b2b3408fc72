package io.millrace.executor.cpu.lowrank;

import io.millrace.executor.cpu.param.MatrixPass;
import io.millrace.executor.cpu.param.StoredTensor;
import io.millrace.executor.cpu.weight.PassOutputs;
import io.millrace.executor.cpu.weight.TensorForm;
import io.millrace.executor.step.Floats;
import java.util.List;

/**
 * A matrix as passes form it by a plan.
 *
 * @param passes of each worker
 * @param outputs of each worker
 * @param tensor where the matrix is stored
 * @param plan what passes do
 * @param count how many outputs they fill
 */
record PlannedForm<P>(
        List<? extends MatrixPass<P>> passes,
        List<PassOutputs> outputs,
        StoredTensor tensor,
        P plan,
        int count)
        implements TensorForm {
    @Override
    public void range(long first, long elements, Floats place, long stride, int worker) {
        PassOutputs out = outputs.get(worker).aim(count, place, stride);
        passes.get(worker)
                .writing(place.type())
                .range(tensor, plan, first, elements, out.memory(), out.offsets());
    }

    @Override
    public void columns(int from, int columns, Floats place, long stride, int worker) {
        PassOutputs out = outputs.get(worker).aim(count, place, stride);
        passes.get(worker)
                .writing(place.type())
                .columns(tensor, plan, from, columns, out.memory(), out.offsets());
    }
}
