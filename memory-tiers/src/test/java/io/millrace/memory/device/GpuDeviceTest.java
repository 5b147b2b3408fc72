package io.millrace.memory.device;

import io.millrace.memory.Ledger;
import io.millrace.memory.RequiresGpu;

/** The contract on the card of this machine. */
@RequiresGpu
final class GpuDeviceTest extends DeviceContractTest {
    @Override
    protected Device open(Ledger ledger) {
        return Devices.open(DeviceName.cuda(0), ledger, DeviceOptions.defaults());
    }
}
