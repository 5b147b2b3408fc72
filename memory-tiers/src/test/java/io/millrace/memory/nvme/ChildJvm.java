package io.millrace.memory.nvme;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;

/** Starts a class of ours in a JVM like this one. */
public final class ChildJvm {
    private ChildJvm() {}

    /**
     * The command that does so.
     *
     * @param flags for the JVM, beside those that this one has
     * @param main the class
     * @param arguments for it
     */
    public static List<String> command(List<String> flags, Class<?> main, String... arguments) {
        List<String> command = new ArrayList<>();
        command.add(ProcessHandle.current().info().command().orElseThrow());
        command.addAll(
                ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                        .filter(flag -> !flag.startsWith("-javaagent") && !flag.startsWith("-Xmx"))
                        .toList());
        command.addAll(flags);
        String classPath =
                System.getProperty(
                        "surefire.test.class.path", System.getProperty("java.class.path"));
        command.addAll(
                List.of("-XX:TieredStopAtLevel=1", "-Xmx128m", "-cp", classPath, main.getName()));
        command.addAll(List.of(arguments));
        return command;
    }
}
