package io.millrace.executor.config;

import io.millrace.memory.device.DeviceName;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Where a run may put its bytes, and how it moves them. Nothing here changes a result.
 *
 * @param device what computes
 * @param deviceBudget bytes of device memory, all that is free where empty
 * @param hostBudget bytes of host memory, all that is free where empty
 * @param nvmeDir folder of the block store
 * @param nvmeBudget bytes of the block store, all that is free where empty
 * @param prefetch blocks requested ahead of the one computed
 * @param overlap whether transfers run while blocks compute
 */
public record MemoryConfig(
        DeviceName device,
        OptionalLong deviceBudget,
        OptionalLong hostBudget,
        Optional<Path> nvmeDir,
        OptionalLong nvmeBudget,
        int prefetch,
        boolean overlap) {
    /** The CPU, without bounds. */
    public static final MemoryConfig DEFAULT =
            new MemoryConfig(
                    DeviceName.CPU,
                    OptionalLong.empty(),
                    OptionalLong.empty(),
                    Optional.empty(),
                    OptionalLong.empty(),
                    2,
                    true);

    /** Checks every field. */
    public MemoryConfig {
        Check.budget(deviceBudget, "--device-budget");
        Check.budget(hostBudget, "--host-budget");
        Check.budget(nvmeBudget, "--nvme-budget");
        Check.that(
                nvmeBudget.isEmpty() || nvmeDir.isPresent(),
                "--nvme-budget",
                "there is no folder to use it in",
                "add --nvme-dir");
        Check.atLeast(1, prefetch, "--prefetch");
    }

    /**
     * The same from the text of {@code --device}.
     *
     * @throws io.millrace.memory.BadInputException when it names no device
     */
    public MemoryConfig(
            String device,
            OptionalLong deviceBudget,
            OptionalLong hostBudget,
            Optional<Path> nvmeDir,
            OptionalLong nvmeBudget,
            int prefetch,
            boolean overlap) {
        this(
                DeviceName.parse(device, "--device"),
                deviceBudget,
                hostBudget,
                nvmeDir,
                nvmeBudget,
                prefetch,
                overlap);
    }

    /** The same with another prefetch distance. */
    public MemoryConfig withPrefetch(int blocks) {
        return new MemoryConfig(
                device, deviceBudget, hostBudget, nvmeDir, nvmeBudget, blocks, overlap);
    }

    /** The same with a host budget. */
    public MemoryConfig withHostBudget(long bytes) {
        return new MemoryConfig(
                device,
                deviceBudget,
                OptionalLong.of(bytes),
                nvmeDir,
                nvmeBudget,
                prefetch,
                overlap);
    }

    /**
     * Checks a device's budget against the device, which is another than the one named here where a
     * plan is for a card.
     *
     * @param unified whether the device computes on the host's memory
     * @throws io.millrace.memory.BadInputException when there is a budget for memory that it lacks
     */
    public void checkDeviceBudget(boolean unified) {
        Check.that(
                deviceBudget.isEmpty() || !unified,
                "--device-budget",
                "the cpu has no memory beside the host's",
                "give --host-budget, or a --device with memory of its own");
    }

    void addOptions(Map<String, Object> options) {
        options.put("device", device.toString());
        deviceBudget.ifPresent(bytes -> options.put("device-budget", bytes));
        hostBudget.ifPresent(bytes -> options.put("host-budget", bytes));
        nvmeDir.ifPresent(dir -> options.put("nvme-dir", dir.toString()));
        nvmeBudget.ifPresent(bytes -> options.put("nvme-budget", bytes));
        options.put("prefetch", prefetch);
        options.put("overlap", overlap);
    }
}
