package io.millrace.spark.local;

import io.millrace.cli.workers.WorkerModule;
import io.millrace.spark.worker.WorkerMain;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The command line of a worker that is as this program is, but for its part of the cores. */
final class WorkerCommand {
    private WorkerCommand() {}

    /** For one of so many that share this machine. */
    static List<String> ofThisProgram(int sharers) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        for (String option : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
            // The launcher's stream for errors is this program's; agents watch this program.
            if (!option.startsWith("-Dmillrace.stderr=")
                    && !option.startsWith("-javaagent:")
                    && !option.startsWith("-agentlib:")) {
                command.add(option);
            }
        }
        int cores = Math.max(1, Runtime.getRuntime().availableProcessors() / sharers);
        command.add("-XX:ActiveProcessorCount=" + cores);
        command.add("-cp");
        command.add(classPath());
        command.add(WorkerMain.class.getName());
        return command;
    }

    private static String classPath() {
        // The module's folder has all that a worker needs.
        return WorkerModule.jars().isEmpty()
                ? System.getProperty("java.class.path")
                : WorkerModule.jars().getFirst().resolveSibling("*").toString();
    }
}
