package io.millrace.cli.option;

import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.memory.device.DeviceName;
import io.millrace.prefetch.plan.AvailableMemory;
import io.millrace.prefetch.plan.Machine;
import io.millrace.prefetch.plan.MachineCatalog;
import io.millrace.prefetch.plan.MachineFile;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import picocli.CommandLine.Option;

/** Which machine a plan is for: this one, one in a file, or either with parts exchanged. */
public final class MachineOptions {
    @Option(
            names = "--machine",
            paramLabel = "FILE",
            description = "A machine as 'probe --json' prints it. Default: this one, as probed.")
    private Path file;

    @Option(
            names = "--gpu",
            paramLabel = "NAME",
            description = "What if it had this card: rtx4090, h100, ...; see docs/planning.md.")
    private String gpu;

    @Option(
            names = "--pcie",
            paramLabel = "GEN",
            description = "What if the card's link were of this generation: 3, 4 or 5.")
    private Integer pcie;

    @Option(
            names = "--nvme-drives",
            paramLabel = "N",
            description = "What if there were N NVMe drives, used as one.")
    private Integer drives;

    @Option(
            names = "--nvme-gen",
            paramLabel = "GEN",
            description = "Generation of those drives: 3, 4 or 5. Default: 4.")
    private Integer driveGeneration;

    @Option(
            names = "--host-memory",
            paramLabel = "SIZE",
            converter = Converters.Size.class,
            description = "What if it had so much host memory.")
    private Long hostMemory;

    /** Whether the plan's folders are to be found here: neither machine nor drive is another. */
    public boolean isThisOne() {
        return file == null && drives == null && driveGeneration == null;
    }

    /** The machine, and the device of it that a run would use. */
    public Machine machine(
            Optional<DeviceName> device, DType dtype, Matmul matmul, Optional<Path> nvmeDir) {
        Machine base = file == null ? thisOne(nvmeDir) : MachineFile.read(file);
        Machine machine =
                MachineCatalog.with(
                        base,
                        new MachineCatalog.Wishes(
                                gpu,
                                optional(pcie),
                                optional(drives),
                                optional(driveGeneration),
                                Given.optional(hostMemory)),
                        dtype,
                        matmul);
        return device.map(name -> machine.withDevice(DeviceChoice.of(machine, name)))
                .orElse(machine);
    }

    /** This machine as it was probed, or else as nothing but its cores and memory tell. */
    private static Machine thisOne(Optional<Path> nvmeDir) {
        return ProbeCache.ofThisMachine()
                .find(nvmeDir)
                .map(MachineOptions::withMemoryOfNow)
                .orElseGet(MachineCatalog::assumedHere);
    }

    private static Machine withMemoryOfNow(Machine probed) {
        AvailableMemory memory = AvailableMemory.read();
        return probed.withHost(
                probed.host().withMemory(memory.totalBytes(), memory.availableBytes()));
    }

    private static OptionalInt optional(Integer value) {
        return value == null ? OptionalInt.empty() : OptionalInt.of(value);
    }
}
