package io.millrace.spark.job;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.rdd.RDD;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;

/**
 * The driver: what {@code spark-submit} starts, with the command line of {@code millrace tune}
 * behind the jar, or {@code -} for a {@link SparkJob} on standard input.
 */
public final class SparkTune {
    private static final String MAIN = "io.millrace.cli.Main";
    private static final int FAILED = 1;
    private static final int BAD_INPUT = 2;
    private static final int INTERRUPTED = 130;

    /** Asks the command for the job of its line, instead of doing it. */
    private static final String DESCRIBE = "-Dmillrace.workers.describe=true";

    private SparkTune() {}

    /** Runs the job, and ends the JVM with the exit code of the command. */
    public static void main(String[] arguments) throws Exception {
        SparkConf conf = new SparkConf();
        List<String> lines = new ArrayList<>();
        int code = read(conf, List.of(arguments), lines);
        if (code == 0) {
            code = run(conf, SparkJob.of(lines));
        }
        System.out.flush();
        System.err.flush();
        System.exit(code);
    }

    private static int read(SparkConf conf, List<String> arguments, List<String> lines)
            throws IOException, InterruptedException {
        if (arguments.equals(List.of("-"))) {
            lines.addAll(all(System.in));
            return 0;
        }
        Installation installation = Installation.of(conf);
        if (installation.lack().isPresent()) {
            say("the driver: " + installation.lack().get());
            return BAD_INPUT;
        }
        List<String> command = installation.command(MAIN, List.of(DESCRIBE));
        command.addAll(arguments);
        // So that the command knows where its workers are.
        command.add("--spark=" + conf.get("spark.master", "here"));
        Process asked =
                new ProcessBuilder(command)
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                        .start();
        lines.addAll(all(asked.getInputStream()));
        return asked.waitFor();
    }

    private static List<String> all(java.io.InputStream in) throws IOException {
        try (BufferedReader reader =
                new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
            return reader.lines().toList();
        }
    }

    private static int run(SparkConf conf, SparkJob job) {
        conf.setIfMissing("spark.app.name", "millrace tune " + job.out());
        conf.set("spark.stage.maxConsecutiveAttempts", Integer.toString(job.retries() + 1));
        conf.setIfMissing("spark.executor.heartbeatInterval", "2s");
        conf.setIfMissing("spark.network.timeout", "60s");
        // A cluster with too few places is said at once, in two minutes, and not after ten.
        conf.setIfMissing("spark.scheduler.barrier.maxConcurrentTasksCheck.interval", "5s");
        conf.setIfMissing("spark.scheduler.barrier.maxConcurrentTasksCheck.maxFailures", "24");
        conf.setIfMissing("spark.ui.showConsoleProgress", "false");
        // What a run shows would be lost among what Spark does from second to second.
        conf.setIfMissing("spark.log.level", "WARN");
        try (JavaSparkContext java = new JavaSparkContext(conf)) {
            SparkContext spark = java.sc();
            Broadcast<BroughtFiles> files = java.broadcast(BroughtFiles.read(job.files()));
            ShownLines shown = new ShownLines();
            spark.register(shown, "what worker 0 shows");
            ShowingListener showing = new ShowingListener(shown.id());
            spark.addSparkListener(showing);
            Thread stopping = new Thread(() -> stop(spark));
            Runtime.getRuntime().addShutdownHook(stopping);
            int code = place(java, new WorkerTask(job, Installation.of(conf), shown, files));
            showing.rest(shown.value());
            return code;
        }
    }

    private static void stop(SparkContext spark) {
        if (!spark.isStopped()) {
            spark.cancelAllJobs();
        }
    }

    private static int place(JavaSparkContext java, WorkerTask task) {
        SparkJob job = task.job();
        List<Object> ranks =
                IntStream.range(0, job.workers()).<Object>mapToObj(rank -> rank).toList();
        ClassTag<WorkerEnd> tag = ClassTag$.MODULE$.apply(WorkerEnd.class);
        try {
            RDD<WorkerEnd> workers =
                    java.parallelize(ranks, job.workers())
                            .rdd()
                            .barrier()
                            .mapPartitions(task, false, tag);
            // Spark begins a barrier stage again only where its results go into another stage:
            // one whose results go to the driver ends the job with its first failure.
            List<WorkerEnd> ends = new ArrayList<>(workers.toJavaRDD().coalesce(1, true).collect());
            ends.sort(Comparator.comparingInt(WorkerEnd::rank));
            return show(ends);
        } catch (Exception e) {
            return failed(e, job);
        }
    }

    private static int show(List<WorkerEnd> ends) {
        WorkerEnd first = ends.get(0);
        first.said().forEach(System.out::println);
        if (first.code() == 0 || first.code() == INTERRUPTED) {
            return first.code();
        }
        for (WorkerEnd end : ends) {
            if (end.code() == FAILED || end.code() == BAD_INPUT) {
                String worker = "worker " + end.rank() + " (" + end.host() + "): ";
                say(end.last().startsWith("worker ") ? end.last() : worker + end.last());
                return end.code();
            }
        }
        return FAILED;
    }

    /** Spark's words are long; the reason is in the first line of one of the causes. */
    private static int failed(Exception thrown, SparkJob job) {
        String message = String.valueOf(thrown.getMessage());
        String reason = message.lines().findFirst().orElse(thrown.toString());
        String marker = WorkerTask.LostWorkerException.class.getSimpleName() + ": ";
        int lost = message.indexOf(marker);
        if (lost >= 0) {
            reason = message.substring(lost + marker.length()).lines().findFirst().orElseThrow();
        } else if (message.contains("SPARK-24819")) {
            say(
                    "--workers: the cluster has no place for "
                            + job.workers()
                            + " workers at once; give fewer, or see spark.task.cpus and"
                            + " spark.executor.cores");
            return BAD_INPUT;
        }
        say(reason + "; the same command with --resume goes on from the journal");
        return FAILED;
    }

    static void say(String line) {
        System.err.println("millrace: " + line);
    }
}
