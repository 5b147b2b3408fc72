package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** The command in a JVM of its own, which can be interrupted and killed. */
final class ChildProcess implements AutoCloseable {
    private static final long PATIENCE_SECONDS = 60;

    private final Process process;
    private final Path log;

    private ChildProcess(Process process, Path log) {
        this.process = process;
        this.log = log;
    }

    /**
     * Starts a command; both of its streams go to a file. A build that runs in the background
     * ignores SIGINT, and a JVM that inherits that could not be interrupted.
     */
    static ChildProcess start(Path log, List<String> arguments) throws IOException {
        return start(log, List.of("env", "--default-signal=INT"), arguments);
    }

    /** Starts a command by way of another one. */
    static ChildProcess start(Path log, List<String> wrapper, List<String> arguments)
            throws IOException {
        List<String> line = new ArrayList<>(wrapper);
        line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        line.add("@" + Path.of("../config/jvm.args").toAbsolutePath().normalize());
        line.addAll(List.of("-ea", "-Xmx512m", "-XX:+UseSerialGC"));
        line.addAll(List.of("-cp", System.getProperty("java.class.path")));
        line.add(Main.class.getName());
        line.addAll(arguments);
        Process process =
                new ProcessBuilder(line)
                        .redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                        .redirectInput(new File("/dev/null"))
                        .start();
        return new ChildProcess(process, log);
    }

    /** Waits for something to be so, or for the process to end; says whether it became so. */
    boolean await(BooleanSupplier condition) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (process.isAlive()) {
            if (condition.getAsBoolean()) {
                return true;
            }
            assertThat(System.nanoTime()).as(said()).isLessThan(deadline);
            TimeUnit.MICROSECONDS.sleep(200);
        }
        return false;
    }

    /** What Ctrl-C sends. */
    void interrupt() throws IOException, InterruptedException {
        assertThat(new ProcessBuilder("kill", "-INT", "" + process.pid()).start().waitFor())
                .isZero();
    }

    /** SIGKILL. */
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    int exitCode() throws InterruptedException {
        assertThat(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).as(said()).isTrue();
        return process.exitValue();
    }

    /** Everything that it and those before it wrote to their file. */
    String said() {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            return log + " cannot be read: " + e;
        }
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
