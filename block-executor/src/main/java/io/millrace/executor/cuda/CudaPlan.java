package io.millrace.executor.cuda;

import io.millrace.executor.companion.Companions;
import io.millrace.executor.cuda.kernel.DeviceKit;
import io.millrace.executor.cuda.kernel.FoldPrograms;
import io.millrace.executor.cuda.kernel.QuantizeKernels;
import io.millrace.executor.cuda.weight.DeviceGemm;
import io.millrace.executor.cuda.weight.DevicePasses;
import io.millrace.executor.cuda.weight.DeviceScratch;
import io.millrace.executor.cuda.weight.DeviceScratchPlan;
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
import io.millrace.optim.direction.MaskedDirection;
import io.millrace.optim.mask.ListedMask;
import java.util.List;
import java.util.Optional;

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
        Engine.Need own = ownNeed();
        return new Engine.Need(own.deviceBytes() + passingBytes(List.of(this)), own.hostBytes());
    }

    /** Bytes of device memory for intermediates that forwards of some plans share. */
    static long passingBytes(List<CudaPlan> plans) {
        return DeviceScratch.passingBytes(plans.stream().map(CudaPlan::scratch).toList());
    }

    /** What no other forward can have, whoever takes turns with it. */
    Engine.Need ownNeed() {
        long programBytes = FoldPrograms.bytes(programSteps);
        long deviceBytes =
                HostMemory.pageBytes(scratch.bytes().own())
                        + programBytes
                        + Companions.bytes(layout)
                        + listed().map(MaskTables::bytes).orElse(0L);
        long hostBytes =
                HostMemory.pageBytes(scratch.bytes().staging())
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
            CudaDevice device = (CudaDevice) place.device();
            device.makeCurrent();
            return start(place, DeviceShared.start(device, List.of(this), owned), owned);
        } catch (RuntimeException | Error e) {
            try (owned) {
                throw e;
            }
        }
    }

    /**
     * The forward with what others may share.
     *
     * @param owned closed with the forward
     */
    DeviceForward start(Engine.Place place, DeviceShared shared, OwnedResources owned) {
        CudaDevice device = (CudaDevice) place.device();
        long stream = device.compute().handle();
        DeviceScratch memory =
                owned.own(
                        new DeviceScratch(
                                device, place.host(), program, size, scratch, shared.passing()));
        Optional<HostSlab> saving =
                savingBytes == 0
                        ? Optional.empty()
                        : Optional.of(
                                owned.own(
                                        place.host().allocatePinned("a saved block", savingBytes)));
        DeviceForward.Launches launches = shared.launches();
        DeviceGemm gemm = new DeviceGemm(shared.products(), fp8(device, launches, memory, owned));
        DevicePasses passes =
                new PassesStart(this, device, launches, memory, owned).passes(place.host(), gemm);
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
                        new BatchUpload(device, memory, program),
                        launches,
                        passes,
                        memory,
                        new DeviceForward.Kept(companions, saving),
                        owned);
        return new DeviceForward(layout, place.feed(), device, arithmetic, parts);
    }

    private Optional<Fp8Operands> fp8(
            CudaDevice device,
            DeviceForward.Launches launches,
            DeviceScratch memory,
            OwnedResources owned) {
        if (arithmetic.matmul() != Matmul.FP8) {
            return Optional.empty();
        }
        long stream = device.compute().handle();
        long module = launches.kernels().module();
        QuantizeKernels quantize = owned.own(new QuantizeKernels(device.api(), module, stream));
        return Optional.of(new Fp8Operands(quantize, memory));
    }

    /** The mask whose lists the device keeps, if any. */
    Optional<ListedMask> listed() {
        return arithmetic.direction() instanceof MaskedDirection(_, ListedMask listed)
                ? Optional.of(listed)
                : Optional.empty();
    }
}
