package io.millrace.memory.device;

import io.millrace.memory.Ledger;
import io.millrace.memory.device.DeviceName;

final class CpuDeviceTest extends DeviceContractTest {
    @Override
    protected Device open(Ledger ledger) {
        return Devices.open(DeviceName.CPU, ledger, DeviceOptions.defaults());
    }
}
