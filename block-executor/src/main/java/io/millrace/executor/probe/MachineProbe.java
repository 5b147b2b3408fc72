package io.millrace.executor.probe;

import io.millrace.memory.BadInputException;
import io.millrace.memory.device.DeviceName;
import io.millrace.prefetch.plan.ComputeRates;
import io.millrace.prefetch.plan.Machine;
import io.millrace.prefetch.probe.TransferProbe;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/** Measures this machine, in less than a minute. */
public final class MachineProbe {
    private MachineProbe() {}

    /**
     * The rate of one product, in FLOP/s, in half a second: beside the same figure of a probe it
     * tells whether the machine still runs as fast as then.
     */
    public static double matmulReference() {
        try (ComputeProbe computing =
                new ComputeProbe(
                        Runtime.getRuntime().availableProcessors(),
                        ComputeProbe.Effort.FULL,
                        what -> {})) {
            return computing.reference();
        }
    }

    /**
     * Measures everything that a plan asks for.
     *
     * @param name what the machine is, in one line
     * @param folder on the drive in question
     * @param progress hears what is measured next
     * @throws BadInputException when the folder cannot be written
     */
    public static Machine run(String name, Path folder, Consumer<String> progress) {
        if (!Files.isDirectory(folder) || !Files.isWritable(folder)) {
            throw new BadInputException(
                    "--nvme-dir",
                    folder + " is not a folder that can be written",
                    "give one on the drive that runs will use");
        }
        int cores = Runtime.getRuntime().availableProcessors();
        TransferProbe transfers = TransferProbe.run(folder, DeviceName.CPU, cores, progress);
        try (ComputeProbe computing = new ComputeProbe(cores, ComputeProbe.Effort.FULL, progress)) {
            ComputeRates rates = computing.run();
            return transfers.machine(name, rates, 0);
        }
    }
}
