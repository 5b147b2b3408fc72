package io.millrace.memory.device;

import io.millrace.memory.ByteSize;
import io.millrace.memory.NativeCallException;
import io.millrace.memory.host.Pinning;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** Pins by registration with the driver: pages of our own, at their exact size. */
final class CudaPinning implements Pinning {
    private final CudaDevice device;

    CudaPinning(CudaDevice device) {
        this.device = device;
    }

    @Override
    public String name() {
        return "CUDA registration";
    }

    @Override
    public Optional<String> pin(MemorySegment region) {
        try {
            device.makeCurrent();
            device.api().registerHost(region);
            return Optional.empty();
        } catch (NativeCallException e) {
            return Optional.of(
                    String.format(
                            "registration of %s refused (%s); raise `ulimit -l` (docker: --ulimit"
                                    + " memlock=-1) or give a smaller --host-budget; until then"
                                    + " copies of these pages are staged by the driver and slower",
                            ByteSize.format(region.byteSize()), e.getMessage()));
        }
    }

    @Override
    public void unpin(MemorySegment region) {
        device.makeCurrent();
        device.api().unregisterHost(region);
    }
}
