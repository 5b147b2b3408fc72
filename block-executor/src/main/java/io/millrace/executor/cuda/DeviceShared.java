package io.millrace.executor.cuda;

import io.millrace.executor.cuda.kernel.AttentionKernels;
import io.millrace.executor.cuda.kernel.BesideKernels;
import io.millrace.executor.cuda.kernel.DeviceKernels;
import io.millrace.executor.cuda.kernel.DeviceKit;
import io.millrace.executor.cuda.kernel.LowRankKernels;
import io.millrace.executor.cuda.product.DeviceMatmul;
import io.millrace.executor.cuda.weight.DeviceScratch;
import io.millrace.executor.cuda.weight.DeviceScratchPlan.Part;
import io.millrace.memory.OwnedResources;
import io.millrace.memory.cuda.CudaApi;
import io.millrace.memory.device.CudaDevice;
import io.millrace.memory.device.DeviceBuffer;
import java.util.List;

/**
 * What forwards share that take turns on one stream.
 *
 * @param launches of all kernels
 * @param products of matrices
 * @param passing memory for intermediates
 */
record DeviceShared(DeviceForward.Launches launches, DeviceMatmul products, DeviceBuffer passing) {
    /**
     * Takes it for the forwards of some plans, of one kit and one type of products.
     *
     * @param owned closes it
     */
    static DeviceShared start(CudaDevice device, List<CudaPlan> plans, OwnedResources owned) {
        CudaPlan first = plans.getFirst();
        DeviceKit kit = first.kit();
        CudaApi api = device.api();
        long stream = device.compute().handle();
        byte[] image = kit.image(api, device.ordinal());
        DeviceBuffer passing =
                owned.own(
                        DeviceScratch.passing(
                                device, plans.stream().map(CudaPlan::scratch).toList()));
        DeviceKernels kernels = owned.own(new DeviceKernels(api, image, stream));
        long module = kernels.module();
        BesideKernels beside = owned.own(new BesideKernels(api, module, stream));
        LowRankKernels thin = owned.own(new LowRankKernels(api, module, stream));
        AttentionKernels attention = owned.own(new AttentionKernels(api, module, stream));
        long workspace = passing.address() + first.scratch().offsets().get(Part.WORKSPACE);
        DeviceMatmul products =
                owned.own(kit.matmul(api, module, stream, workspace, first.arithmetic().matmul()));
        return new DeviceShared(
                new DeviceForward.Launches(kernels, attention, beside, thin), products, passing);
    }
}
