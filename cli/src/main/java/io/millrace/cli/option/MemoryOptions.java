package io.millrace.cli.option;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.memory.device.DeviceName;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Where a run may put its bytes, and how it moves them. */
public final class MemoryOptions {
    @Option(
            names = "--device",
            paramLabel = "NAME",
            description = "cpu, cuda:N, or emulated: a CPU with memory of its own. Default: cpu.")
    private String device;

    @Option(
            names = "--device-budget",
            paramLabel = "SIZE",
            converter = Converters.Size.class,
            description = "Most device memory to use, such as 18GiB.")
    private Long deviceBudget;

    @Option(
            names = "--host-budget",
            paramLabel = "SIZE",
            converter = Converters.Size.class,
            description = "Most host memory to use.")
    private Long hostBudget;

    @Option(
            names = "--nvme-dir",
            paramLabel = "DIR",
            description = "Folder for blocks that host memory does not hold.")
    private Path nvmeDir;

    @Option(
            names = "--nvme-budget",
            paramLabel = "SIZE",
            converter = Converters.Size.class,
            description = "Most space to use there.")
    private Long nvmeBudget;

    @Option(
            names = "--prefetch",
            paramLabel = "N",
            description = "Blocks requested ahead of the one computed. Default: 2.")
    private Integer prefetch;

    @Option(names = "--no-overlap", description = "Move blocks and compute in turn, to compare.")
    private boolean noOverlap;

    /** The device, where one is named. */
    public Optional<DeviceName> device() {
        return Optional.ofNullable(device).map(name -> DeviceName.parse(name, "--device"));
    }

    public MemoryConfig config() {
        return new MemoryConfig(
                device().orElse(MemoryConfig.DEFAULT.device()),
                Given.optional(deviceBudget),
                Given.optional(hostBudget),
                Optional.ofNullable(nvmeDir),
                Given.optional(nvmeBudget),
                Objects.requireNonNullElse(prefetch, MemoryConfig.DEFAULT.prefetch()),
                !noOverlap);
    }
}
