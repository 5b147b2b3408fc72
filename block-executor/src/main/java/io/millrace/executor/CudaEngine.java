package io.millrace.executor;

import io.millrace.executor.CudaScratchPlan.Part;
import io.millrace.executor.cuda.CudaKernels;
import io.millrace.executor.cuda.CudaKit;
import io.millrace.executor.cuda.CudaKits;
import io.millrace.executor.cuda.CudaMatmul;
import io.millrace.executor.cuda.FoldPrograms;
import io.millrace.executor.cuda.LowRankKernels;
import io.millrace.executor.cuda.QuantizeKernels;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.memory.device.CudaDevice;
import io.millrace.memory.device.CudaFacts;
import io.millrace.memory.device.Device;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.model.ModelLayout;
import io.millrace.model.spec.DecoderSpec;
import io.millrace.optim.DenseDirection;
import io.millrace.optim.LowRankDirection;
import java.util.Optional;

/** Forwards on an NVIDIA card: kernels of our own, and products by its libraries. */
final class CudaEngine implements Engine {
    private static final int MOST_PROGRAM_STEPS = 1 << 23; // 1 GiB of programs

    private final CudaKit kit = CudaKits.current();
    private CudaScratchPlan plan;
    private Matmul matmul;
    private long savingBytes;
    private int programSteps;

    @Override
    public Need plan(
            DecoderSpec spec,
            ModelLayout layout,
            ScratchSize size,
            Arithmetic arithmetic,
            int workers,
            boolean saves) {
        int headDim = ScratchPlan.widest(spec, layer -> layer.attention().headDim());
        if (headDim > CudaKernels.MAX_HEAD_DIM) {
            throw new BadInputException(
                    "--device",
                    "heads of " + headDim + " elements are too large for a cuda device",
                    "take --device cpu; " + CudaKernels.MAX_HEAD_DIM + " is the most");
        }
        if (spec.head().logits().bias() != null) {
            throw new BadInputException(
                    "--device",
                    "the head's bias '"
                            + spec.head().logits().bias()
                            + "' is in no logits of a cuda device yet",
                    "take --device cpu");
        }
        Optional<LowRankMemory.Size> lowRank = PassesPlan.of(arithmetic, size).lowRankSize(layout);
        lowRank.ifPresent(LowRankMemory.Size::check);
        matmul = arithmetic.matmul();
        if (matmul == Matmul.BF16) {
            throw new BadInputException(
                    "--matmul",
                    "bf16 products of matrices of another type are a CPU's",
                    "leave it out, and give --dtype bfloat16: a card multiplies in the type stored");
        }
        plan =
                CudaScratchPlan.of(
                        spec,
                        layout,
                        size,
                        kit.panels(),
                        kit.workspaceBytes(),
                        lowRank,
                        matmul == Matmul.FP8);
        if (matmul == Matmul.TF32 && plan.type() != DType.F32) {
            throw new BadInputException(
                    "--matmul",
                    "tf32 products are of float32 matrices, and these are "
                            + plan.type().torchName(),
                    "leave it out, or give --dtype float32");
        }
        savingBytes = saves ? layout.largestBlock().sizeBytes() : 0;
        programSteps = programSteps(arithmetic.foldEvery(), size);
        long programBytes = FoldPrograms.bytes(programSteps);
        long deviceBytes = HostMemory.pageBytes(plan.deviceBytes()) + programBytes;
        long hostBytes =
                HostMemory.pageBytes(plan.stagingBytes())
                        + programBytes
                        + HostMemory.pageBytes(savingBytes);
        return new Need(deviceBytes, hostBytes);
    }

    /** What a device keeps of pending updates at once: all between two folds. */
    private static int programSteps(int foldEvery, ScratchSize size) {
        int queries = size.scales() / size.scalesPerProbe();
        long steps = FoldPrograms.capacity(foldEvery, queries);
        if (steps > MOST_PROGRAM_STEPS) {
            throw new BadInputException(
                    "--fold-every",
                    foldEvery + " steps of " + queries + " queries are too many for a cuda device",
                    "take at most " + (MOST_PROGRAM_STEPS - 1) / (queries + 2));
        }
        return (int) steps;
    }

    @Override
    public void require(Device device) {
        if (matmul != Matmul.FP8) {
            return;
        }
        CudaFacts facts = ((CudaDevice) device).facts();
        if (facts.computeCapability() < CudaFp8.CAPABILITY) {
            throw new BadInputException(
                    "--matmul",
                    "fp8 products need compute capability 8.9, and "
                            + facts.name()
                            + " has "
                            + facts.computeCapability() / 10.0,
                    "leave it out, or use a card of 8.9 (Ada, Hopper) or newer");
        }
    }

    @Override
    public Forward start(Place place) {
        OwnedResources owned = new OwnedResources();
        try {
            return start(place, (CudaDevice) place.device(), owned);
        } catch (RuntimeException | Error e) {
            try (owned) {
                throw e;
            }
        }
    }

    private Forward start(Place place, CudaDevice device, OwnedResources owned) {
        device.makeCurrent();
        long stream = device.compute().handle();
        byte[] image = kit.image(device.api(), device.ordinal());
        CudaScratch scratch =
                owned.own(new CudaScratch(device, place.host(), place.spec(), place.size(), plan));
        CudaKernels kernels = owned.own(new CudaKernels(device.api(), image, stream));
        CudaMatmul products =
                owned.own(
                        kit.matmul(
                                device.api(),
                                kernels.module(),
                                stream,
                                scratch.address(Part.WORKSPACE),
                                matmul));
        Optional<HostSlab> saving =
                savingBytes == 0
                        ? Optional.empty()
                        : Optional.of(
                                owned.own(
                                        place.host().allocatePinned("a saved block", savingBytes)));
        CudaGemm gemm = new CudaGemm(products, fp8(device, kernels, scratch, owned));
        CudaPasses passes = passes(place, device, kernels, gemm, scratch, owned);
        CudaForward.Parts parts =
                new CudaForward.Parts(
                        owned.own(new CudaAnswers(device, device.api(), stream, scratch)),
                        owned.own(new CudaSpans(device, place.spans(), place.layout().visits())),
                        new CudaBatch(device, scratch),
                        kernels,
                        passes,
                        scratch,
                        saving,
                        owned);
        return new CudaForward(
                place.spec(), place.layout(), place.feed(), device, place.arithmetic(), parts);
    }

    private Optional<CudaFp8> fp8(
            CudaDevice device, CudaKernels kernels, CudaScratch scratch, OwnedResources owned) {
        if (matmul != Matmul.FP8) {
            return Optional.empty();
        }
        long stream = device.compute().handle();
        QuantizeKernels quantize =
                owned.own(new QuantizeKernels(device.api(), kernels.module(), stream));
        return Optional.of(new CudaFp8(quantize, scratch));
    }

    private CudaPasses passes(
            Place place,
            CudaDevice device,
            CudaKernels kernels,
            CudaGemm gemm,
            CudaScratch scratch,
            OwnedResources owned) {
        Arithmetic arithmetic = place.arithmetic();
        FoldPrograms programs = owned.own(new FoldPrograms(device, place.host(), programSteps));
        return switch (arithmetic.direction()) {
            case DenseDirection dense ->
                    new CudaDensePasses(
                            new CudaDensePasses.Kernels(kernels, programs),
                            gemm,
                            scratch,
                            dense,
                            arithmetic.rounding(),
                            arithmetic.foldEvery());
            case LowRankDirection lowRank -> {
                long stream = device.compute().handle();
                LowRankKernels thin =
                        owned.own(new LowRankKernels(device.api(), kernels.module(), stream));
                yield new CudaLowRankPasses(
                        device,
                        new CudaLowRankPasses.Kernels(kernels, thin, programs),
                        gemm,
                        scratch,
                        lowRank,
                        arithmetic.rounding(),
                        arithmetic.foldEvery());
            }
        };
    }
}
