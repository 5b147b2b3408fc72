package io.millrace.executor.cuda;

import io.millrace.executor.cuda.dense.DeviceDensePasses;
import io.millrace.executor.cuda.kernel.DeviceKernels;
import io.millrace.executor.cuda.kernel.DeviceKit;
import io.millrace.executor.cuda.kernel.DeviceKits;
import io.millrace.executor.cuda.kernel.DeviceMatmul;
import io.millrace.executor.cuda.kernel.FoldPrograms;
import io.millrace.executor.cuda.kernel.LowRankKernels;
import io.millrace.executor.cuda.kernel.QuantizeKernels;
import io.millrace.executor.cuda.kernel.WeightPass;
import io.millrace.executor.cuda.lowrank.DeviceLowRankPasses;
import io.millrace.executor.cuda.weight.DeviceGemm;
import io.millrace.executor.cuda.weight.DevicePasses;
import io.millrace.executor.cuda.weight.DeviceScratch;
import io.millrace.executor.cuda.weight.DeviceScratchPlan;
import io.millrace.executor.cuda.weight.DeviceScratchPlan.Part;
import io.millrace.executor.cuda.weight.Fp8Operands;
import io.millrace.executor.step.Arithmetic;
import io.millrace.executor.step.DecoderWidths;
import io.millrace.executor.step.Engine;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.LowRankSize;
import io.millrace.executor.step.ScratchSize;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.memory.OwnedResources;
import io.millrace.memory.device.CudaDevice;
import io.millrace.memory.device.CudaFacts;
import io.millrace.memory.device.Device;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.model.ModelLayout;
import io.millrace.model.spec.DecoderSpec;
import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.LowRankDirection;
import java.util.Optional;

/** Forwards on an NVIDIA card: kernels of our own, and products by its libraries. */
public final class CudaEngine implements Engine {
    private static final int MOST_PROGRAM_STEPS = 1 << 23; // 1 GiB of programs

    private final DeviceKit kit = DeviceKits.current();
    private DeviceScratchPlan plan;
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
        int headDim = DecoderWidths.widest(spec, layer -> layer.attention().headDim());
        if (headDim > DeviceKernels.MAX_HEAD_DIM) {
            throw new BadInputException(
                    "--device",
                    "heads of " + headDim + " elements are too large for a cuda device",
                    "take --device cpu; " + DeviceKernels.MAX_HEAD_DIM + " is the most");
        }
        if (spec.head().logits().bias() != null) {
            throw new BadInputException(
                    "--device",
                    "the head's bias '"
                            + spec.head().logits().bias()
                            + "' is in no logits of a cuda device yet",
                    "take --device cpu");
        }
        if (arithmetic.direction() instanceof DenseDirection dense
                && !WeightPass.makes(dense.name())) {
            throw new BadInputException(
                    "--perturbation",
                    "no kernel of a cuda device makes '" + dense.name() + "'",
                    "take --device cpu, or one of " + WeightPass.directions());
        }
        Optional<LowRankSize> lowRank = LowRankSize.of(arithmetic, size, layout);
        lowRank.ifPresent(LowRankSize::check);
        matmul = arithmetic.matmul();
        if (matmul == Matmul.BF16) {
            throw new BadInputException(
                    "--matmul",
                    "bf16 products of matrices of another type are a CPU's",
                    "leave it out, and give --dtype bfloat16: a card multiplies in the type stored");
        }
        plan =
                DeviceScratchPlan.of(
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
        int directions = size.directions();
        long steps = FoldPrograms.capacity(foldEvery, directions);
        if (steps > MOST_PROGRAM_STEPS) {
            throw new BadInputException(
                    "--fold-every",
                    foldEvery
                            + " steps of "
                            + directions
                            + " queries are too many for a cuda device",
                    "take at most " + (MOST_PROGRAM_STEPS - 1) / (directions + 2));
        }
        return (int) steps;
    }

    @Override
    public void require(Device device) {
        if (matmul != Matmul.FP8) {
            return;
        }
        CudaFacts facts = ((CudaDevice) device).facts();
        if (facts.computeCapability() < Fp8Operands.CAPABILITY) {
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
        DeviceScratch scratch =
                owned.own(
                        new DeviceScratch(device, place.host(), place.spec(), place.size(), plan));
        DeviceKernels kernels = owned.own(new DeviceKernels(device.api(), image, stream));
        DeviceMatmul products =
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
        DeviceGemm gemm = new DeviceGemm(products, fp8(device, kernels, scratch, owned));
        DevicePasses passes = passes(place, device, kernels, gemm, scratch, owned);
        DeviceForward.Parts parts =
                new DeviceForward.Parts(
                        owned.own(new AnswerDownload(device, device.api(), stream, scratch)),
                        owned.own(new EventSpans(device, place.spans(), place.layout().visits())),
                        new BatchUpload(device, scratch),
                        kernels,
                        passes,
                        scratch,
                        saving,
                        owned);
        return new DeviceForward(
                place.spec(), place.layout(), place.feed(), device, place.arithmetic(), parts);
    }

    private Optional<Fp8Operands> fp8(
            CudaDevice device, DeviceKernels kernels, DeviceScratch scratch, OwnedResources owned) {
        if (matmul != Matmul.FP8) {
            return Optional.empty();
        }
        long stream = device.compute().handle();
        QuantizeKernels quantize =
                owned.own(new QuantizeKernels(device.api(), kernels.module(), stream));
        return Optional.of(new Fp8Operands(quantize, scratch));
    }

    private DevicePasses passes(
            Place place,
            CudaDevice device,
            DeviceKernels kernels,
            DeviceGemm gemm,
            DeviceScratch scratch,
            OwnedResources owned) {
        Arithmetic arithmetic = place.arithmetic();
        FoldPrograms programs = owned.own(new FoldPrograms(device, place.host(), programSteps));
        return switch (arithmetic.direction()) {
            case DenseDirection dense ->
                    new DeviceDensePasses(
                            new DeviceDensePasses.Kernels(kernels, programs),
                            gemm,
                            scratch,
                            dense,
                            arithmetic.rounding(),
                            arithmetic.foldEvery());
            case LowRankDirection lowRank -> {
                long stream = device.compute().handle();
                LowRankKernels thin =
                        owned.own(new LowRankKernels(device.api(), kernels.module(), stream));
                yield new DeviceLowRankPasses(
                        device,
                        new DeviceLowRankPasses.Kernels(kernels, thin, programs),
                        gemm,
                        scratch,
                        lowRank,
                        arithmetic.rounding(),
                        arithmetic.foldEvery());
            }
        };
    }
}
