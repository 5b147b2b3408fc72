package io.millrace.prefetch.probe;

import io.millrace.prefetch.plan.ComputeRates;
import io.millrace.prefetch.plan.Machine;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/** Everything of a machine but how fast it computes. */
public final class TransferProbe {
    private final Path folder;
    private final String device;
    private final Machine.Host host;
    private final DriveProbe.Result drive;
    private final CopyProbe.Result copies;

    private TransferProbe(
            Path folder,
            String device,
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
     * @param device {@code cpu}, whose copies are those of the emulated device, or another
     * @param cores hardware threads that runs use
     * @param progress hears what is measured next
     */
    public static TransferProbe run(
            Path folder, String device, int cores, Consumer<String> progress) {
        progress.accept("host memory");
        Machine.Host host = HostProbe.run(cores);
        progress.accept("the drive of " + folder);
        DriveProbe.Result drive = DriveProbe.run(folder);
        progress.accept("copies to a device");
        CopyProbe.Result copies = CopyProbe.run(device.equals("cpu") ? "emulated" : device);
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
        boolean cuda = device.startsWith("cuda");
        return new Machine(
                name,
                true,
                drive.drive(),
                host,
                new Machine.Accelerator(
                        device,
                        !cuda,
                        memoryBytes,
                        copies.h2d(),
                        copies.d2h(),
                        copies.h2dWhileD2h(),
                        copies.d2hWhileH2d(),
                        cuda ? 0 : copies.cpuSeconds(),
                        rates),
                missing);
    }
}
