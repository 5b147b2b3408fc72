package io.millrace.executor.cuda;

import io.millrace.executor.cuda.dense.DeviceDensePasses;
import io.millrace.executor.cuda.kernel.CoreKernels;
import io.millrace.executor.cuda.kernel.DeviceKernels;
import io.millrace.executor.cuda.kernel.DeviceMask;
import io.millrace.executor.cuda.kernel.FoldPrograms;
import io.millrace.executor.cuda.kernel.LowRankKernels;
import io.millrace.executor.cuda.kernel.OrthogonalKernels;
import io.millrace.executor.cuda.kernel.PairKernels;
import io.millrace.executor.cuda.lowrank.DeviceLowRankPasses;
import io.millrace.executor.cuda.lowrank.DevicePairPasses;
import io.millrace.executor.cuda.weight.DeviceGemm;
import io.millrace.executor.cuda.weight.DevicePasses;
import io.millrace.executor.cuda.weight.DeviceScratch;
import io.millrace.executor.cuda.weight.MaskTables;
import io.millrace.executor.step.Arithmetic;
import io.millrace.memory.OwnedResources;
import io.millrace.memory.cuda.CudaApi;
import io.millrace.memory.device.CudaDevice;
import io.millrace.memory.host.HostMemory;
import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.direction.MaskedDirection;
import java.util.Optional;
import java.util.function.IntToLongFunction;

/** Makes the way in which a run's direction goes, with the kernels that it launches. */
final class PassesStart {
    private final CudaPlan plan;
    private final Arithmetic arithmetic;
    private final CudaDevice device;
    private final CudaApi api;
    private final long stream;
    private final DeviceKernels kernels;
    private final DeviceForward.Launches launches;
    private final DeviceScratch memory;
    private final OwnedResources owned;

    PassesStart(
            CudaPlan plan,
            CudaDevice device,
            DeviceForward.Launches launches,
            DeviceScratch memory,
            OwnedResources owned) {
        this.plan = plan;
        this.device = device;
        this.launches = launches;
        kernels = launches.kernels();
        this.memory = memory;
        this.owned = owned;
        arithmetic = plan.arithmetic();
        api = device.api();
        stream = device.compute().handle();
    }

    DevicePasses passes(HostMemory host, DeviceGemm gemm) {
        DeviceMask mask = mask();
        FoldPrograms programs =
                owned.own(new FoldPrograms(device, host, plan.programSteps(), mask));
        return switch (arithmetic.direction()) {
            case DenseDirection dense -> dense(dense, mask, programs, gemm);
            case MaskedDirection masked -> dense(masked.dense(), mask, programs, gemm);
            case FactoredDirection factored ->
                    factored.core().gathers()
                            ? gathering(factored, programs, gemm)
                            : pairs(factored, programs, gemm);
        };
    }

    private DeviceMask mask() {
        if (!(arithmetic.direction() instanceof MaskedDirection masked)) {
            return DeviceMask.NONE;
        }
        Optional<MaskTables> tables =
                plan.listed()
                        .map(listed -> owned.own(new MaskTables(device, memory.staging(), listed)));
        IntToLongFunction places = tensor -> tables.map(each -> each.address(tensor)).orElse(0L);
        return DeviceMask.of(masked.mask(), places).orElseThrow();
    }

    private DevicePasses dense(
            DenseDirection direction, DeviceMask mask, FoldPrograms programs, DeviceGemm gemm) {
        Optional<DeviceDensePasses.Beside> thin =
                plan.layout()
                        .beside()
                        .filter(_ -> !plan.layout().ownsBeside())
                        .map(_ -> new DeviceDensePasses.Beside(launches.thin(), launches.beside()));
        return new DeviceDensePasses(
                new DeviceDensePasses.Kernels(kernels, programs, thin),
                gemm,
                memory,
                new DeviceDensePasses.Along(direction, mask, arithmetic.shape()),
                arithmetic.rounding(),
                arithmetic.foldEvery());
    }

    private DevicePasses gathering(
            FactoredDirection direction, FoldPrograms programs, DeviceGemm gemm) {
        DeviceLowRankPasses.Kernels launched =
                new DeviceLowRankPasses.Kernels(
                        kernels,
                        direction.streams().map(this::lowRank).orElse(launches.thin()),
                        owned.own(new CoreKernels(api, kernels.module(), stream)),
                        owned.own(new OrthogonalKernels(api, kernels.module(), stream)),
                        programs);
        return new DeviceLowRankPasses(
                device,
                launched,
                gemm,
                memory,
                direction,
                arithmetic.rounding(),
                arithmetic.foldEvery());
    }

    private LowRankKernels lowRank(FactoredDirection.Streams streams) {
        return owned.own(
                new LowRankKernels(api, kernels.module(), stream, streams.core(), streams.right()));
    }

    private DevicePasses pairs(
            FactoredDirection direction, FoldPrograms programs, DeviceGemm gemm) {
        FactoredDirection.Streams streams = direction.streams().orElseThrow();
        long module = kernels.module();
        DevicePairPasses.Kernels launched =
                new DevicePairPasses.Kernels(
                        kernels,
                        lowRank(streams),
                        owned.own(new PairKernels(api, module, stream, streams)),
                        programs);
        return new DevicePairPasses(
                launched, gemm, memory, direction, arithmetic.rounding(), arithmetic.foldEvery());
    }
}
