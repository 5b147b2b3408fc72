package io.millrace.executor.cpu;

import io.millrace.executor.cpu.gradient.BackwardPlan;
import io.millrace.executor.cpu.op.Gemm;
import io.millrace.executor.cpu.scratch.ScratchPlan;
import io.millrace.executor.step.Arithmetic;
import io.millrace.executor.step.Engine;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.LowRankSize;
import io.millrace.executor.step.ScratchSize;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.model.ModelLayout;
import io.millrace.model.program.ModelProgram;
import java.util.List;
import java.util.Optional;

/** Forwards on the workers of a CPU, in memory that they can address. */
public final class CpuEngine implements Engine {
    @Override
    public Plan plan(
            ModelProgram program,
            ModelLayout layout,
            ScratchSize size,
            Arithmetic arithmetic,
            int workers,
            boolean saves) {
        ScratchSize rows = size.withVirtual(program.virtualTokens()).withTable(program.tableRows());
        ScratchSize together = LowRankSize.together(arithmetic, rows, layout);
        DType operands = operands(arithmetic.matmul());
        ScratchPlan scratch =
                ScratchPlan.of(program, logitsAtOnce(program, layout), together, workers, operands);
        PassesPlan passes = new PassesPlan(arithmetic, together);
        passes.check(layout);
        Optional<BackwardPlan> back =
                arithmetic
                        .gradient()
                        .map(step ->
                                BackwardPlan.of(
                                        program, layout, together, workers, operands, step.rule()));
        return new CpuPlan(program, layout, scratch, passes, workers, back);
    }

    @Override
    public Forward.Joint.Plan together(List<Plan> plans, long memory) {
        return CpuJointForward.Planned.of(plans.stream().map(CpuPlan.class::cast).toList(), memory);
    }

    /** Rows of the head's first panel, than which none has more. */
    private static int logitsAtOnce(ModelProgram program, ModelLayout layout) {
        String matrix = program.score().logits().weight();
        return layout.find(matrix)
                .map(place -> Math.toIntExact(place.slot().shape().getFirst()))
                .orElse(program.logitCount());
    }

    private static DType operands(Matmul matmul) {
        if (matmul == Matmul.NATIVE) {
            return DType.F32;
        }
        if (matmul != Matmul.BF16) {
            throw new BadInputException(
                    "--matmul",
                    matmul.id() + " products need a cuda device",
                    "leave it out, or give --device cuda:0");
        }
        if (!Gemm.multipliesBFloat16()) {
            throw new BadInputException(
                    "--matmul",
                    "oneDNN has no bf16 products for this processor",
                    "leave it out: float32 products run everywhere");
        }
        return DType.BF16;
    }
}
