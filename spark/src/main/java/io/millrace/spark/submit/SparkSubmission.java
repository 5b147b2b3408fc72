package io.millrace.spark.submit;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.workers.WorkerModule;
import io.millrace.executor.config.data.WorkersConfig;
import io.millrace.memory.BadInputException;
import io.millrace.spark.job.SparkJob;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Spark's driver as a process beside the command. */
public final class SparkSubmission {
    private static final String HOME = "spark.millrace.home=";
    private static final String PROGRAM = "io.millrace.spark.job.SparkTune";
    private static final long LOOK_MS = 200;

    private final CommandContext context;
    private final WorkersConfig workers;
    private final Path sparkHome;

    /**
     * A submission to the master that is told.
     *
     * @param environment of this process, which says where Spark is
     * @throws BadInputException where it is not there
     */
    public SparkSubmission(
            CommandContext context, WorkersConfig workers, Map<String, String> environment) {
        this.context = context;
        this.workers = workers;
        String home = environment.getOrDefault("SPARK_HOME", "");
        if (home.isEmpty() || !Files.isDirectory(Path.of(home, "jars"))) {
            throw new BadInputException(
                    WorkersConfig.SPARK.spelled(),
                    home.isEmpty() ? "SPARK_HOME is not set" : home + " has no jars of Spark",
                    "set SPARK_HOME to a folder of Spark 4.1, as the cluster has it");
        }
        sparkHome = Path.of(home);
    }

    /** Runs the job to its end, and returns the exit code of the command. */
    public int run(SparkJob job) {
        try {
            Process driver =
                    new ProcessBuilder(command())
                            .redirectOutput(ProcessBuilder.Redirect.INHERIT)
                            .redirectError(ProcessBuilder.Redirect.INHERIT)
                            .start();
            try (OutputStream in = driver.getOutputStream()) {
                in.write(job.lines().getBytes(StandardCharsets.UTF_8));
            }
            boolean told = false;
            while (!driver.waitFor(LOOK_MS, TimeUnit.MILLISECONDS)) {
                if (!told && context.interruption().requested()) {
                    told = true;
                    driver.destroy();
                }
            }
            return told ? 130 : driver.exitValue();
        } catch (IOException e) {
            throw new UncheckedIOException("Spark's driver cannot be started", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while the job ran", e);
        }
    }

    private List<String> command() {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-cp", sparkHome.resolve("jars") + "/*"));
        command.add("org.apache.spark.deploy.SparkSubmit");
        command.addAll(List.of("--master", workers.spark().orElseThrow()));
        List<String> conf = workers.sparkConf();
        if (conf.stream().noneMatch(one -> one.startsWith(HOME))) {
            command.addAll(List.of("--conf", HOME + installation()));
        }
        conf.forEach(one -> command.addAll(List.of("--conf", one)));
        command.addAll(List.of("--class", PROGRAM, jar().toString(), "-"));
        return command;
    }

    /** The folder of workers here, which is at the same place on each machine. */
    private static Path installation() {
        return jar().toAbsolutePath().getParent().getParent();
    }

    /** The jar with this class. */
    private static Path jar() {
        return WorkerModule.jars().stream()
                .filter(jar -> jar.getFileName().toString().startsWith("millrace-spark-job"))
                .findFirst()
                .orElseThrow(() ->
                        new BadInputException(
                                WorkersConfig.SPARK.spelled(),
                                "millrace-spark-job.jar is not in the folder of "
                                        + WorkerModule.FOLDER,
                                "start ./millrace, which builds it"));
    }
}
