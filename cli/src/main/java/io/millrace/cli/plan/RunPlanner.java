package io.millrace.cli.plan;

import io.millrace.cli.option.MachineOptions;
import io.millrace.executor.config.GivenPaths;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.plan.ModelPlan;
import io.millrace.executor.plan.ModelPlanner;
import io.millrace.executor.plan.ModelShape;
import io.millrace.executor.plan.PlanOptions;
import io.millrace.optim.option.Settings;
import io.millrace.prefetch.plan.Machine;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * The plan of a run.
 *
 * @param told of the run
 * @param options that follow from it
 */
public record RunPlanner(Settings told, PlanOptions options) {
    /**
     * What a run is planned for.
     *
     * @param shape of its model
     * @param machine with the device that it would use
     */
    public record Place(ModelShape shape, Machine machine) {}

    /**
     * Plans it.
     *
     * @param model its shape, read now that the options are found to be good
     * @param machine where it is to run
     * @throws io.millrace.memory.BadInputException where they do not fit
     */
    public ModelPlan plan(Supplier<ModelShape> model, MachineOptions machine) {
        return plan(place(model, machine));
    }

    /** The same at a place that was looked up. */
    public ModelPlan plan(Place place) {
        return ModelPlanner.plan(place.shape(), options, place.machine(), true);
    }

    /** Looks up the place. */
    public Place place(Supplier<ModelShape> model, MachineOptions machine) {
        MemoryConfig memory = options.memory();
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
                        options.arithmetic().matmul(),
                        memory.nvmeDir());
        return new Place(shape, chosen);
    }
}
