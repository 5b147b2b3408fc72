package io.millrace.executor.cuda.kernel;

import io.millrace.memory.cuda.KernelArguments;
import io.millrace.optim.Rounding;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.update.ElementProgram;
import java.util.List;
import java.util.TreeSet;

/**
 * What the fused pass does to a tensor of a visit.
 *
 * @param direction the kernels' number of the direction
 * @param stochastic how folded parameters are rounded
 * @param seed the query's
 * @param scales the query's
 * @param perturbs false where nothing but θ itself is asked for
 * @param mask which elements have a z
 * @param step whose mask the query sees
 * @param shape makes what takes the place of z; empty leaves z
 */
public record WeightPass(
        int direction,
        boolean stochastic,
        long seed,
        List<Float> scales,
        boolean perturbs,
        DeviceMask mask,
        long step,
        FoldProgram shape) {
    /** As many scales as a launch takes. */
    public static final int MAX_SCALES = 4;

    /** Checks the number of scales. */
    public WeightPass {
        if (scales.isEmpty() || scales.size() > MAX_SCALES) {
            throw new IllegalArgumentException(scales.size() + " scales in one pass");
        }
    }

    /**
     * The pass for a query.
     *
     * @param direction the name of the direction
     * @param rounding how folded parameters are rounded
     * @param query the direction's seed and the scales
     */
    public static WeightPass of(String direction, Rounding rounding, Query query) {
        return new WeightPass(
                KernelCodes.ofDirection(direction),
                rounding == Rounding.STOCHASTIC,
                query.seed(),
                query.scales(),
                !query.isStill(),
                DeviceMask.NONE,
                0,
                FoldProgram.EMPTY);
    }

    /** The same over a mask's elements, as they are for a query of a step. */
    public WeightPass masked(DeviceMask some, long ofStep) {
        return new WeightPass(direction, stochastic, seed, scales, perturbs, some, ofStep, shape);
    }

    /** The same along what a program makes of z. */
    public WeightPass shaped(FoldProgram program) {
        return new WeightPass(direction, stochastic, seed, scales, perturbs, mask, step, program);
    }

    /** Whether kernels make a dense direction of that name. */
    public static boolean makes(String direction) {
        return KernelCodes.DIRECTIONS.containsKey(direction);
    }

    /** The names of all that they make. */
    public static String directions() {
        return String.join(", ", new TreeSet<>(KernelCodes.DIRECTIONS.keySet()));
    }

    /** What is stored in fewer bits is only read. */
    void requireStill(FoldProgram program) {
        if (perturbs || program.count() > 0 || program.sums() != 0) {
            throw new IllegalStateException("a pass changes what is only read");
        }
    }

    /** Packs what kernels know of the pass over a tensor: {@code struct Pass} of form.cu. */
    KernelArguments pack(
            KernelArguments arguments, FoldProgram program, DeviceTensor tensor, boolean stores) {
        int count = scales.size();
        arguments
                .begin()
                .int64(tensor.address())
                .int64(program.address())
                .int64(program.sums())
                .int64(seed)
                .int32(program.count())
                .int32(tensor.tensorId())
                .int32(KernelCodes.of(tensor.dtype()))
                .int32(direction)
                .int32(flags(tensor.vector(), stores))
                .int32(count);
        for (int scale = 0; scale < MAX_SCALES; scale++) {
            arguments.float32(scale < count ? scales.get(scale) : 0f);
        }
        List<DeviceTensor.State> states = tensor.states();
        arguments
                .int32(states.size())
                .float32(ElementProgram.reach(tensor.elements()))
                .int32(shape.count());
        for (int k = 0; k < ElementProgram.MOST_STATES; k++) {
            arguments.int64(k < states.size() ? states.get(k).address() : 0);
        }
        for (int k = 0; k < ElementProgram.MOST_STATES; k++) {
            arguments.int64(k < states.size() ? KernelCodes.of(states.get(k).dtype()) : 0);
        }
        return arguments
                .int64(shape.address())
                .int64(perturbs ? mask.seed(step) : 0)
                .int32(mask.kind())
                .int32(mask.bound(tensor.tensorId()))
                .int64(mask.table(tensor.tensorId()));
    }

    private int flags(boolean vector, boolean stores) {
        return (vector ? 1 : 0) | (stochastic ? 2 : 0) | (stores ? 4 : 0) | (perturbs ? 8 : 0);
    }
}
