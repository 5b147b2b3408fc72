package io.millrace.prefetch.plan;

import io.millrace.memory.DType;
import io.millrace.memory.device.DeviceName;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Machines for tests, with rates that are easy to reckon with. */
final class Machines {
    private Machines() {}

    /** A device beside the host's cores, so that lanes take nothing from computing. */
    static Machine of(DeviceName device, double drive, double link) {
        return new Machine(
                "a test's machine",
                false,
                new Machine.Drive(drive, drive, drive, drive, 0, 0, 0, Long.MAX_VALUE, "none"),
                new Machine.Host(2, 1L << 34, 1L << 33, 1e10, 1e9, -1),
                new Machine.Accelerator(device, false, 0, link, link, link, link, 0, rates()),
                List.of());
    }

    /** The same, computing on the host's two cores, with lanes that cost processor time. */
    static Machine sharing(double drive, double cpuSeconds) {
        Machine machine = of(DeviceName.CPU, drive, drive);
        Machine.Accelerator device = machine.device();
        return machine.withDrive(
                        new Machine.Drive(
                                drive,
                                drive,
                                drive,
                                drive,
                                cpuSeconds,
                                cpuSeconds,
                                0,
                                Long.MAX_VALUE,
                                "none"))
                .withDevice(
                        new Machine.Accelerator(
                                DeviceName.CPU,
                                true,
                                0,
                                drive,
                                drive,
                                drive,
                                drive,
                                0,
                                device.rates()));
    }

    static ComputeRates rates() {
        return new ComputeRates(
                List.of(new ComputeRates.MatmulRate(16, 64, 1e9)),
                List.of(new ComputeRates.AttentionRate(64, 64, 1e9)),
                new FormRates(
                        Map.of(DType.F32, 1e-9),
                        Map.of(DType.F32, 2e-9),
                        Map.of("gaussian", 4e-9),
                        Optional.of(
                                new ThinRates(
                                        5e-9, 6e-9, 7e-9, 9e-9, 1e-10, Map.of(DType.F32, 11e-9)))),
                Map.of(Operation.Kind.NORM, 8e-9),
                1e-6,
                0,
                List.of(new ComputeRates.MatmulRate(16, 64, 2e9)));
    }
}
