package io.millrace.memory.device;

import io.millrace.memory.Ledger;

final class CpuDeviceTest extends DeviceContractTest {
    @Override
    protected Device open(Ledger ledger) {
        return Devices.open(DeviceName.CPU, ledger, DeviceOptions.defaults());
    }
}
