package io.millrace.executor.cpu;

import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.Gemm;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.scratch.ScratchPlan;
import io.millrace.executor.cpu.weight.WeightPasses;
import io.millrace.executor.step.Arithmetic;
import io.millrace.executor.step.Engine;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.ScratchSize;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.model.ModelLayout;
import io.millrace.model.spec.DecoderSpec;
import java.util.Map;

/** Forwards on the workers of a CPU, in memory that they can address. */
public final class CpuEngine implements Engine {
    private int workerCount;
    private CpuWorkers workers; // null before the first start
    private ScratchPlan scratchPlan;
    private PassesPlan passesPlan;

    @Override
    public Need plan(
            DecoderSpec spec,
            ModelLayout layout,
            ScratchSize size,
            Arithmetic arithmetic,
            int workers,
            boolean saves) {
        workerCount = workers;
        scratchPlan = ScratchPlan.of(spec, size, workers, operands(arithmetic.matmul()));
        passesPlan = new PassesPlan(arithmetic, size);
        passesPlan.check(layout);
        return new Need(scratchPlan.bytes() + passesPlan.bytes(layout), 0);
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

    @Override
    public Forward start(Place place) {
        if (workers == null) {
            workers = new CpuWorkers(workerCount);
        }
        WeightPasses passes = passesPlan.open(workers.pool(), place.layout(), place.deviceMemory());
        Scratch scratch;
        try {
            scratch = new Scratch(place.deviceMemory(), place.spec(), place.size(), scratchPlan);
        } catch (RuntimeException | Error e) {
            passes.close();
            throw e;
        }
        return new DecoderForward(
                place.spec(),
                place.layout(),
                place.feed(),
                scratch,
                passes,
                workers,
                place.spans());
    }

    @Override
    public Map<String, Double> operatorSeconds() {
        return workers == null ? Map.of() : workers.pool().clock().seconds();
    }

    @Override
    public void close() {
        if (workers != null) {
            workers.close();
        }
    }
}
