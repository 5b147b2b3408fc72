package io.millrace.memory.device;

import io.millrace.memory.Ledger;
import io.millrace.memory.cuda.CudaDriver;

/** Opens devices. A new kind is a class beside these and a line here. */
public final class Devices {
    private Devices() {}

    /**
     * Opens a device; whoever asks owns it.
     *
     * @param name which one
     * @param ledger bounds its memory: the device account, or the host's where memory is unified
     * @param options what it is to be like
     * @throws io.millrace.memory.BadInputException when this machine has no such device
     */
    public static Device open(DeviceName name, Ledger ledger, DeviceOptions options) {
        return switch (name.kind()) {
            case CPU -> new CpuDevice(ledger);
            case EMULATED -> new EmulatedDevice(ledger, options);
            case CUDA -> CudaDevice.open(CudaDriver.load(), name.ordinal(), ledger);
        };
    }
}
