package io.millrace.memory.device;

import io.millrace.memory.ByteSize;
import io.millrace.memory.cuda.CudaApi;
import io.millrace.memory.cuda.CudaAttribute;
import io.millrace.memory.cuda.NvmlAnswer;
import io.millrace.memory.cuda.NvmlFacts;
import java.util.Locale;

/**
 * What a CUDA device says of itself.
 *
 * @param name as its maker gave it
 * @param memoryBytes of it in all
 * @param computeCapability times ten: 90 is 9.0
 * @param multiprocessors that it computes with
 * @param copyEngines that copy beside kernels; 2 copy both ways at once
 * @param driverVersion the newest CUDA that its driver knows: 13010 is 13.1
 * @param nvml what its driver's management library told when it was opened
 */
public record CudaFacts(
        String name,
        long memoryBytes,
        int computeCapability,
        int multiprocessors,
        int copyEngines,
        int driverVersion,
        NvmlAnswer nvml) {

    static CudaFacts of(CudaApi api, int ordinal) {
        return new CudaFacts(
                api.deviceName(ordinal),
                api.deviceMemoryBytes(ordinal),
                10 * api.attribute(ordinal, CudaAttribute.COMPUTE_CAPABILITY_MAJOR)
                        + api.attribute(ordinal, CudaAttribute.COMPUTE_CAPABILITY_MINOR),
                api.attribute(ordinal, CudaAttribute.MULTIPROCESSOR_COUNT),
                api.attribute(ordinal, CudaAttribute.ASYNC_ENGINE_COUNT),
                api.driverVersion(),
                api.management(ordinal));
    }

    /** One line for the run's output: what NVML tells too, or that it tells nothing. */
    public String describe() {
        return String.format(
                Locale.ROOT,
                "%s, %s, compute capability %d.%d, %d multiprocessors, driver for CUDA %d.%d, %s",
                nvml.facts().map(NvmlFacts::product).orElse(name),
                ByteSize.format(memoryBytes),
                computeCapability / 10,
                computeCapability % 10,
                multiprocessors,
                driverVersion / 1000,
                driverVersion % 1000 / 10,
                nvml.facts()
                        .map(NvmlFacts::describe)
                        .orElseGet(() -> "nothing from NVML (" + nvml.refusal() + ")"));
    }
}
