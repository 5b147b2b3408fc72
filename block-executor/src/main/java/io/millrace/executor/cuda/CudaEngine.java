package io.millrace.executor.cuda;

import io.millrace.executor.cuda.kernel.AttentionKernels;
import io.millrace.executor.cuda.kernel.DeviceKit;
import io.millrace.executor.cuda.kernel.DeviceKits;
import io.millrace.executor.cuda.kernel.DeviceMask;
import io.millrace.executor.cuda.kernel.FoldPrograms;
import io.millrace.executor.cuda.kernel.PackedKernels;
import io.millrace.executor.cuda.kernel.WeightPass;
import io.millrace.executor.cuda.lowrank.DeviceThin;
import io.millrace.executor.cuda.weight.DeviceScratchPlan;
import io.millrace.executor.schedule.OperatorNeeds;
import io.millrace.executor.step.Arithmetic;
import io.millrace.executor.step.Engine;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.LowRankSize;
import io.millrace.executor.step.ScratchSize;
import io.millrace.memory.BadInputException;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.memory.TensorSlot;
import io.millrace.model.ModelLayout;
import io.millrace.model.program.LatentOp;
import io.millrace.model.program.MixtureOp;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.direction.MaskedDirection;
import io.millrace.optim.update.ElementProgram;
import java.util.List;
import java.util.Optional;

/** Forwards on an NVIDIA card: kernels of our own, and products by its libraries. */
public final class CudaEngine implements Engine {
    private static final int MOST_PROGRAM_STEPS = 1 << 23; // 1 GiB of programs

    private final DeviceKit kit = DeviceKits.current();

    @Override
    public Plan plan(
            ModelProgram program,
            ModelLayout layout,
            ScratchSize size,
            Arithmetic arithmetic,
            int workers,
            boolean saves) {
        requireKnownOperators(program);
        requireOneRotation(program, size.longest());
        requireKnownFormats(layout);
        requireKnownZ(arithmetic);
        requireForward(arithmetic);
        Matmul matmul = arithmetic.matmul();
        ScratchSize together =
                LowRankSize.together(arithmetic, size.withVirtual(program.virtualTokens()), layout);
        Optional<LowRankSize> lowRank = LowRankSize.of(arithmetic, together, layout);
        lowRank.ifPresent(LowRankSize::check);
        if (matmul == Matmul.BF16) {
            throw new BadInputException(
                    "--matmul",
                    "bf16 products of matrices of another type are a CPU's",
                    "leave it out, and give --dtype bfloat16: a card multiplies in the type stored");
        }
        DeviceScratchPlan scratch =
                DeviceScratchPlan.of(
                        program,
                        layout,
                        together,
                        kit.panels(),
                        kit.workspaceBytes(),
                        lowRank,
                        matmul == Matmul.FP8);
        if (matmul == Matmul.TF32 && scratch.type() != DType.F32) {
            throw new BadInputException(
                    "--matmul",
                    "tf32 products are of float32 matrices, and these are "
                            + scratch.type().torchName(),
                    "leave it out, or give --dtype float32");
        }
        return new CudaPlan(
                kit,
                program,
                layout,
                together,
                arithmetic,
                scratch,
                programSteps(arithmetic, size),
                passing(layout, saves));
    }

    @Override
    public Forward.Joint.Plan together(List<Plan> plans, long memory) {
        return new CudaJointForward.Planned(plans.stream().map(CudaPlan.class::cast).toList());
    }

    /** Of a model with something beside it, that alone is filled and saved. */
    private static long passing(ModelLayout layout, boolean saves) {
        return layout.beside()
                .map(beside -> beside.largestBlock().sizeBytes())
                .orElse(saves ? layout.largestBlock().sizeBytes() : 0);
    }

    private static void requireKnownOperators(ModelProgram program) {
        int headDim = new OperatorNeeds(program).headDim();
        if (headDim > AttentionKernels.MAX_HEAD_DIM) {
            throw new BadInputException(
                    "--device",
                    "heads of " + headDim + " elements are too large for a cuda device",
                    "take --device cpu; " + AttentionKernels.MAX_HEAD_DIM + " is the most");
        }
        if (program.ops().anyMatch(CudaEngine::takesDistance)) {
            throw new BadInputException(
                    "--device",
                    "no kernel of a cuda device takes from scores by distance (ALiBi) yet",
                    "take --device cpu");
        }
        if (program.ops().anyMatch(CudaEngine::needsOtherHeads)) {
            throw new BadInputException(
                    "--device",
                    "no kernel of a cuda device has attention sinks, or values and keys of two"
                            + " sizes, yet",
                    "take --device cpu");
        }
        if (program.ops().anyMatch(op -> op instanceof Op.NormHeads norm && norm.apart())) {
            throw new BadInputException(
                    "--device",
                    "no kernel of a cuda device norms heads with a factor for each yet",
                    "take --device cpu");
        }
        if (program.tableRows() > 0) {
            throw new BadInputException(
                    "--device",
                    "no kernel of a cuda device has scores of relative positions yet",
                    "take --device cpu");
        }
        if (program.ops().anyMatch(MixtureOp.class::isInstance)) {
            throw new BadInputException(
                    "--device",
                    "no kernel of a cuda device routes tokens to experts yet",
                    "take --device cpu");
        }
    }

    private static boolean needsOtherHeads(Op op) {
        return op instanceof LatentOp
                || (op instanceof Op.Attend attend
                        && (attend.attention().sinks().isPresent()
                                || attend.attention().heads().valueDim()
                                        != attend.attention().heads().dim()));
    }

    private static void requireOneRotation(ModelProgram program, int longest) {
        int first = program.longestFrom(0);
        if (longest > first) {
            throw new BadInputException(
                    "--device",
                    "a cuda device has the angles of the first length of LongRoPE alone, "
                            + first
                            + " tokens",
                    "take --device cpu, or shorter texts (--seq-len)");
        }
    }

    /** The way back is the processor's. */
    private static void requireForward(Arithmetic arithmetic) {
        if (arithmetic.gradient().isPresent()) {
            throw new BadInputException(
                    "--device",
                    "a card has no way back for first-order methods",
                    "give --device cpu, or a method that needs forward passes alone");
        }
    }

    private static void requireKnownZ(Arithmetic arithmetic) {
        Direction direction = arithmetic.direction();
        String name = direction.name();
        if (!(direction instanceof FactoredDirection) && !WeightPass.makes(name)) {
            throw new BadInputException(
                    "--perturbation",
                    "no kernel of a cuda device makes '" + name + "'",
                    "take --device cpu, or one of " + WeightPass.directions());
        }
        if (direction instanceof FactoredDirection factored && !DeviceThin.makes(factored)) {
            throw new BadInputException(
                    "--perturbation",
                    "no kernel of a cuda device makes the factors of '" + name + "'",
                    "take --device cpu");
        }
        if (direction instanceof MaskedDirection masked && !DeviceMask.makes(masked.mask())) {
            throw new BadInputException(
                    "--mask",
                    "no kernel of a cuda device clears z as this mask does",
                    "take --device cpu, or --mask magnitude, random or indices");
        }
        if (arithmetic.shape().isPresent() && !arithmetic.programs()) {
            throw new BadInputException(
                    "--optimizer",
                    "a rule that shapes z and updates by sums runs on no cuda device",
                    "take --device cpu");
        }
    }

    private static boolean takesDistance(Op op) {
        return op instanceof Op.Attend attend && !attend.attention().slopes().isEmpty();
    }

    private static void requireKnownFormats(ModelLayout layout) {
        for (BlockLayout block : layout.blocks()) {
            for (TensorSlot slot : block.tensors()) {
                if (!slot.isPlain() && !PackedKernels.reads(slot.format())) {
                    throw new BadInputException(
                            "--device",
                            "no kernel of a cuda device reads "
                                    + slot.format().name()
                                    + ", as '"
                                    + slot.name()
                                    + "' is stored",
                            "take --device cpu");
                }
            }
        }
    }

    /** What a device keeps of pending updates at once: all between two folds. */
    private static int programSteps(Arithmetic arithmetic, ScratchSize size) {
        int foldEvery = arithmetic.foldEvery();
        // A program makes and adds each direction in two steps, and then does what it does.
        int terms =
                arithmetic.programs()
                        ? 2 * size.directions() + ElementProgram.MOST_OTHER_STEPS
                        : size.directions();
        long steps = FoldPrograms.capacity(foldEvery, terms);
        if (steps > MOST_PROGRAM_STEPS) {
            throw new BadInputException(
                    "--fold-every",
                    foldEvery
                            + " steps of "
                            + size.directions()
                            + " queries are too many for a cuda device",
                    "take at most " + FoldPrograms.mostFoldEvery(MOST_PROGRAM_STEPS, terms));
        }
        return (int) steps;
    }
}
