package io.millrace.executor.config;

import io.millrace.memory.device.DeviceName;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Where a run may put its bytes, and how it moves them. Nothing here changes a result, but for the
 * kind of device that computes it.
 *
 * @param settings a value for each of {@link #OPTIONS} that has one
 */
public record MemoryConfig(Settings settings) {
    /** {@code cpu}, {@code emulated} or {@code cuda:N}. */
    public static final Option<String> DEVICE =
            Option.named("device", OptionTypes.TEXT)
                    .label("NAME")
                    .help("cpu, cuda:N, or emulated: a CPU with memory of its own.")
                    .usual("cpu")
                    .limit(
                            new Limit<>(
                                    name -> DeviceName.find(name).isPresent(),
                                    name -> "'" + name + "' is not a device",
                                    "give cpu, emulated or cuda:N"))
                    .decidesBytes("device", MemoryConfig::arithmetic)
                    .build();

    /** Bytes of device memory. */
    public static final Option<Long> DEVICE_BUDGET =
            budget("device-budget", "Most device memory to use, such as 18GiB.");

    /** Bytes of host memory. */
    public static final Option<Long> HOST_BUDGET =
            budget("host-budget", "Most host memory to use.");

    /** Folder of the block store. */
    public static final Option<Path> NVME_DIR =
            Option.named("nvme-dir", OptionTypes.PATH)
                    .label("DIR")
                    .help("Folder for blocks that host memory does not hold.")
                    .build();

    /** Bytes of the block store. */
    public static final Option<Long> NVME_BUDGET =
            budget("nvme-budget", "Most space to use there.");

    /** Blocks requested ahead of the one computed. */
    public static final Option<Integer> PREFETCH =
            Option.named("prefetch", OptionTypes.INTEGER)
                    .label("N")
                    .help("Blocks requested ahead of the one computed.")
                    .usual(2)
                    .limit(Limit.atLeast(1))
                    .build();

    /** Whether transfers run while blocks compute. */
    public static final Option<Boolean> OVERLAP =
            Option.named("overlap", OptionTypes.FLAG)
                    .help("Move blocks and compute in turn, to compare.")
                    .usualUnsaid(true)
                    .build();

    /** All of them. */
    public static final List<Option<?>> OPTIONS =
            List.of(DEVICE, DEVICE_BUDGET, HOST_BUDGET, NVME_DIR, NVME_BUDGET, PREFETCH, OVERLAP);

    /** The CPU, without bounds. */
    public static final MemoryConfig DEFAULT = new MemoryConfig(Settings.NONE);

    /** Fills in what is as usual, and checks what no option can see alone. */
    public MemoryConfig {
        settings = settings.complete(OPTIONS);
        Check.that(
                !settings.has(NVME_BUDGET) || settings.has(NVME_DIR),
                NVME_BUDGET,
                "there is no folder to use it in",
                "add --nvme-dir");
    }

    /**
     * The values one by one.
     *
     * @param device what computes
     * @param deviceBudget bytes of device memory, all that is free where empty
     * @param hostBudget bytes of host memory, all that is free where empty
     * @param nvmeDir folder of the block store
     * @param nvmeBudget bytes of the block store, all that is free where empty
     * @param prefetch blocks requested ahead of the one computed
     * @param overlap whether transfers run while blocks compute
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
                Settings.NONE
                        .with(DEVICE, device)
                        .with(DEVICE_BUDGET, RunOptions.boxed(deviceBudget))
                        .with(HOST_BUDGET, RunOptions.boxed(hostBudget))
                        .with(NVME_DIR, nvmeDir)
                        .with(NVME_BUDGET, RunOptions.boxed(nvmeBudget))
                        .with(PREFETCH, prefetch)
                        .with(OVERLAP, overlap));
    }

    /** The same with a device by the name that the command line has for it. */
    public MemoryConfig(
            DeviceName device,
            OptionalLong deviceBudget,
            OptionalLong hostBudget,
            Optional<Path> nvmeDir,
            OptionalLong nvmeBudget,
            int prefetch,
            boolean overlap) {
        this(device.toString(), deviceBudget, hostBudget, nvmeDir, nvmeBudget, prefetch, overlap);
    }

    private static DeviceName named(String text) {
        return DeviceName.parse(text, DEVICE.spelled());
    }

    /** Emulated devices compute as the CPU that they are; cards have an arithmetic of their own. */
    private static String arithmetic(String device) {
        return named(device).kind().arithmetic().id();
    }

    private static Option<Long> budget(String name, String help) {
        return Option.named(name, OptionTypes.SIZE)
                .label("SIZE")
                .help(help)
                .limit(
                        new Limit<>(
                                bytes -> bytes > 0,
                                _ -> "a budget of no bytes holds nothing",
                                "give a size such as 18GiB, or leave the option out"))
                .build();
    }

    /** What computes. */
    public DeviceName device() {
        return named(settings.get(DEVICE));
    }

    /** Bytes of device memory, all that is free where empty. */
    public OptionalLong deviceBudget() {
        return RunOptions.optionalLong(settings.find(DEVICE_BUDGET));
    }

    /** Bytes of host memory, all that is free where empty. */
    public OptionalLong hostBudget() {
        return RunOptions.optionalLong(settings.find(HOST_BUDGET));
    }

    public Optional<Path> nvmeDir() {
        return settings.find(NVME_DIR);
    }

    /** Bytes of the block store, all that is free where empty. */
    public OptionalLong nvmeBudget() {
        return RunOptions.optionalLong(settings.find(NVME_BUDGET));
    }

    public int prefetch() {
        return settings.get(PREFETCH);
    }

    public boolean overlap() {
        return settings.get(OVERLAP);
    }

    /** The same with another prefetch distance. */
    public MemoryConfig withPrefetch(int blocks) {
        return new MemoryConfig(settings.with(PREFETCH, blocks));
    }

    /** The same with a host budget. */
    public MemoryConfig withHostBudget(long bytes) {
        return new MemoryConfig(settings.with(HOST_BUDGET, bytes));
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
                deviceBudget().isEmpty() || !unified,
                DEVICE_BUDGET,
                "the cpu has no memory beside the host's",
                "give --host-budget, or a --device with memory of its own");
    }
}
