package io.millrace.cli.plan;

import io.millrace.cli.option.MachineOptions;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.DataConfig;
import io.millrace.executor.config.GivenPaths;
import io.millrace.executor.config.ManyConfigs;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.plan.ModelPlan;
import io.millrace.executor.plan.ModelPlanner;
import io.millrace.executor.plan.ModelShape;
import io.millrace.executor.plan.PlanOptions;
import io.millrace.optim.option.Settings;
import io.millrace.prefetch.plan.Machine;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Supplier;

/**
 * The plan of a run.
 *
 * @param told of the run
 * @param arithmetic what its steps compute
 * @param candidates sequences that an example passes as
 */
public record RunPlanner(Settings told, ArithmeticConfig arithmetic, int candidates) {
    /**
     * Plans it.
     *
     * @param model its shape, read once the options are found to be good
     * @param machine where it is to run
     * @throws io.millrace.memory.BadInputException where the options are refused, or do not fit
     */
    public ModelPlan plan(Supplier<ModelShape> model, MachineOptions machine) {
        MemoryConfig memory = new MemoryConfig(told);
        PlanOptions options =
                new PlanOptions(
                        told.get(DataConfig.BATCH_SIZE),
                        optional(told.find(DataConfig.MICRO_BATCH)),
                        optional(told.find(TaskConfig.SEQ_LEN)),
                        arithmetic,
                        memory,
                        candidates,
                        told.find(ManyConfigs.ADAPTERS).orElse(1));
        if (machine.isThisOne()) {
            memory.nvmeDir().ifPresent(dir -> GivenPaths.requireFolder("--nvme-dir", dir));
        }
        ModelShape shape = model.get();
        Machine chosen =
                machine.machine(
                        told.has(MemoryConfig.DEVICE)
                                ? Optional.of(memory.device())
                                : Optional.empty(),
                        shape.dtype(),
                        arithmetic.matmul(),
                        memory.nvmeDir());
        return ModelPlanner.plan(shape, options, chosen, true);
    }

    private static OptionalInt optional(Optional<Integer> given) {
        return given.map(OptionalInt::of).orElse(OptionalInt.empty());
    }
}
