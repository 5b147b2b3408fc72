package io.millrace.executor;

import io.millrace.executor.cpu.Gemm;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.model.ModelLayout;
import io.millrace.model.spec.DecoderSpec;

/** Forwards on the workers of a CPU, in memory that they can address. */
final class CpuEngine implements Engine {
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
        scratchPlan = ScratchPlan.of(spec, size, workers, operands(arithmetic.matmul()));
        passesPlan = PassesPlan.of(arithmetic, size);
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
        WeightPasses passes =
                passesPlan.open(place.workers().pool(), place.layout(), place.deviceMemory());
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
                place.workers(),
                place.spans());
    }
}
