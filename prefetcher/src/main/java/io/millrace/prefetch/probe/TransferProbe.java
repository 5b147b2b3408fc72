package io.millrace.prefetch.probe;

import io.millrace.memory.device.DeviceName;
import io.millrace.prefetch.plan.ComputeRates;
import io.millrace.prefetch.plan.Machine;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/** Everything of a machine but how fast it computes. */
public final class TransferProbe {
    private final Path folder;
    private final DeviceName device;
    private final Machine.Host host;
    private final DriveProbe.Result drive;
    private final CopyProbe.Result copies;

    private TransferProbe(
            Path folder,
            DeviceName device,
            Machine.Host host,
            DriveProbe.Result drive,
            CopyProbe.Result copies) {
        this.folder = folder;
        this.device = device;
        this.host = host;
        this.drive = drive;
        this.copies = copies;
    }

    /**
     * Measures.
     *
     * @param folder on the drive in question; exists and can be written
     * @param device what computes; where its memory is the host's, copies are the emulated one's
     * @param cores hardware threads that runs use
     * @param progress hears what is measured next
     */
    public static TransferProbe run(
            Path folder, DeviceName device, int cores, Consumer<String> progress) {
        progress.accept("host memory");
        Machine.Host host = HostProbe.run(cores);
        progress.accept("the drive of " + folder);
        DriveProbe.Result drive = DriveProbe.run(folder);
        progress.accept("copies to a device");
        CopyProbe.Result copies =
                CopyProbe.run(device.kind().unifiedMemory() ? DeviceName.EMULATED : device);
        return new TransferProbe(folder, device, host, drive, copies);
    }

    /**
     * The whole machine.
     *
     * @param name what it is, in one line
     * @param rates how fast its device computes
     * @param memoryBytes of the device's own; 0 where there is none
     */
    public Machine machine(String name, ComputeRates rates, long memoryBytes) {
        List<String> missing = Gaps.find(folder, drive.path(), drive.drive(), host);
        boolean onHostCores = device.kind().onHostCores();
        return new Machine(
                name,
                true,
                drive.drive(),
                host,
                new Machine.Accelerator(
                        device,
                        onHostCores,
                        memoryBytes,
                        copies.h2d(),
                        copies.d2h(),
                        copies.h2dWhileD2h(),
                        copies.d2hWhileH2d(),
                        onHostCores ? copies.cpuSeconds() : 0,
                        rates),
                missing);
    }
}
