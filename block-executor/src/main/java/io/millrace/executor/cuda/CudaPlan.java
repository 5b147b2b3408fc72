package io.millrace.executor.cuda;

import io.millrace.executor.companion.Companions;
import io.millrace.executor.cuda.dense.DeviceDensePasses;
import io.millrace.executor.cuda.kernel.BesideKernels;
import io.millrace.executor.cuda.kernel.CoreKernels;
import io.millrace.executor.cuda.kernel.DeviceKernels;
import io.millrace.executor.cuda.kernel.DeviceKit;
import io.millrace.executor.cuda.kernel.DeviceMask;
import io.millrace.executor.cuda.kernel.FoldPrograms;
import io.millrace.executor.cuda.kernel.LowRankKernels;
import io.millrace.executor.cuda.kernel.QuantizeKernels;
import io.millrace.executor.cuda.lowrank.DeviceLowRankPasses;
import io.millrace.executor.cuda.product.DeviceMatmul;
import io.millrace.executor.cuda.weight.DeviceGemm;
import io.millrace.executor.cuda.weight.DevicePasses;
import io.millrace.executor.cuda.weight.DeviceScratch;
import io.millrace.executor.cuda.weight.DeviceScratchPlan;
import io.millrace.executor.cuda.weight.DeviceScratchPlan.Part;
import io.millrace.executor.cuda.weight.Fp8Operands;
import io.millrace.executor.cuda.weight.MaskTables;
import io.millrace.executor.step.Arithmetic;
import io.millrace.executor.step.Engine;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.ScratchSize;
import io.millrace.memory.BadInputException;
import io.millrace.memory.Matmul;
import io.millrace.memory.OwnedResources;
import io.millrace.memory.device.CudaDevice;
import io.millrace.memory.device.CudaFacts;
import io.millrace.memory.device.Device;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.model.ModelLayout;
import io.millrace.model.program.ModelProgram;
import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.direction.MaskedDirection;
import io.millrace.optim.mask.ListedMask;
import java.util.Optional;
import java.util.function.IntToLongFunction;

/**
 * Forwards on a card of which nothing is taken yet.
 *
 * @param kit kernels and products
 * @param program what its blocks compute
 * @param layout its blocks
 * @param size the most that any forward asks for
 * @param arithmetic what a run does to its parameters
 * @param scratch memory beside the weights
 * @param programSteps what is kept of pending updates at once
 * @param savingBytes host memory for a block that is saved, or a companion on its way; 0 where
 *     there is none
 */
record CudaPlan(
        DeviceKit kit,
        ModelProgram program,
        ModelLayout layout,
        ScratchSize size,
        Arithmetic arithmetic,
        DeviceScratchPlan scratch,
        int programSteps,
        long savingBytes)
        implements Engine.Plan {
    @Override
    public Engine.Need need() {
        long programBytes = FoldPrograms.bytes(programSteps);
        long deviceBytes =
                HostMemory.pageBytes(scratch.deviceBytes())
                        + programBytes
                        + Companions.bytes(layout)
                        + listed().map(MaskTables::bytes).orElse(0L);
        long hostBytes =
                HostMemory.pageBytes(scratch.stagingBytes())
                        + programBytes
                        + HostMemory.pageBytes(savingBytes);
        return new Engine.Need(deviceBytes, hostBytes);
    }

    @Override
    public void require(Device device) {
        if (arithmetic.matmul() != Matmul.FP8) {
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
    public Forward start(Engine.Place place) {
        OwnedResources owned = new OwnedResources();
        try {
            return start(place, (CudaDevice) place.device(), owned);
        } catch (RuntimeException | Error e) {
            try (owned) {
                throw e;
            }
        }
    }

    private Forward start(Engine.Place place, CudaDevice device, OwnedResources owned) {
        device.makeCurrent();
        long stream = device.compute().handle();
        byte[] image = kit.image(device.api(), device.ordinal());
        DeviceScratch memory =
                owned.own(new DeviceScratch(device, place.host(), program, size, scratch));
        DeviceKernels kernels = owned.own(new DeviceKernels(device.api(), image, stream));
        DeviceMatmul products =
                owned.own(
                        kit.matmul(
                                device.api(),
                                kernels.module(),
                                stream,
                                memory.address(Part.WORKSPACE),
                                arithmetic.matmul()));
        Optional<HostSlab> saving =
                savingBytes == 0
                        ? Optional.empty()
                        : Optional.of(
                                owned.own(
                                        place.host().allocatePinned("a saved block", savingBytes)));
        DeviceGemm gemm = new DeviceGemm(products, fp8(device, kernels, memory, owned));
        BesideKernels beside = owned.own(new BesideKernels(device.api(), kernels.module(), stream));
        DevicePasses passes = passes(place, device, kernels, beside, gemm, memory, owned);
        Companions companions =
                layout.beside().isPresent()
                        ? owned.own(
                                Companions.open(
                                        device, saving.orElseThrow(), layout, place.beside()))
                        : Companions.none();
        DeviceForward.Parts parts =
                new DeviceForward.Parts(
                        owned.own(new AnswerDownload(device, device.api(), stream, memory)),
                        owned.own(new EventSpans(device, place.spans())),
                        new BatchUpload(device, memory),
                        new DeviceForward.Launches(kernels, beside),
                        passes,
                        memory,
                        new DeviceForward.Kept(companions, saving),
                        owned);
        return new DeviceForward(layout, place.feed(), device, arithmetic, parts);
    }

    private Optional<Fp8Operands> fp8(
            CudaDevice device, DeviceKernels kernels, DeviceScratch memory, OwnedResources owned) {
        if (arithmetic.matmul() != Matmul.FP8) {
            return Optional.empty();
        }
        long stream = device.compute().handle();
        QuantizeKernels quantize =
                owned.own(new QuantizeKernels(device.api(), kernels.module(), stream));
        return Optional.of(new Fp8Operands(quantize, memory));
    }

    private DevicePasses passes(
            Engine.Place place,
            CudaDevice device,
            DeviceKernels kernels,
            BesideKernels beside,
            DeviceGemm gemm,
            DeviceScratch memory,
            OwnedResources owned) {
        DeviceMask mask = mask(device, memory, owned);
        FoldPrograms programs =
                owned.own(new FoldPrograms(device, place.host(), programSteps, mask));
        long stream = device.compute().handle();
        LowRankKernels thin = owned.own(new LowRankKernels(device.api(), kernels.module(), stream));
        DeviceDensePasses.Kernels launched =
                new DeviceDensePasses.Kernels(
                        kernels,
                        programs,
                        layout.beside().map(_ -> new DeviceDensePasses.Beside(thin, beside)));
        return switch (arithmetic.direction()) {
            case DenseDirection dense -> dense(dense, mask, launched, gemm, memory);
            case MaskedDirection masked -> dense(masked.dense(), mask, launched, gemm, memory);
            case FactoredDirection factored -> {
                CoreKernels cores =
                        owned.own(new CoreKernels(device.api(), kernels.module(), stream));
                yield new DeviceLowRankPasses(
                        device,
                        new DeviceLowRankPasses.Kernels(kernels, thin, cores, programs),
                        gemm,
                        memory,
                        factored,
                        arithmetic.rounding(),
                        arithmetic.foldEvery());
            }
        };
    }

    /** The mask whose lists the device keeps, if any. */
    private Optional<ListedMask> listed() {
        return arithmetic.direction() instanceof MaskedDirection(_, ListedMask listed)
                ? Optional.of(listed)
                : Optional.empty();
    }

    private DeviceMask mask(CudaDevice device, DeviceScratch memory, OwnedResources owned) {
        if (!(arithmetic.direction() instanceof MaskedDirection masked)) {
            return DeviceMask.NONE;
        }
        Optional<MaskTables> tables =
                listed().map(some -> owned.own(new MaskTables(device, memory.staging(), some)));
        IntToLongFunction places = tensor -> tables.map(each -> each.address(tensor)).orElse(0L);
        return DeviceMask.of(masked.mask(), places).orElseThrow();
    }

    private DevicePasses dense(
            DenseDirection direction,
            DeviceMask mask,
            DeviceDensePasses.Kernels launched,
            DeviceGemm gemm,
            DeviceScratch memory) {
        return new DeviceDensePasses(
                launched,
                gemm,
                memory,
                new DeviceDensePasses.Along(direction, mask, arithmetic.shape()),
                arithmetic.rounding(),
                arithmetic.foldEvery());
    }
}
