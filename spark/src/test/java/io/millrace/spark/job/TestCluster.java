package io.millrace.spark.job;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.spark.launcher.JavaModuleOptions;

/**
 * Spark's standalone master and a worker of it on this machine, from the jars of the class path;
 * and a folder of Millrace's workers, of the classes as they are.
 */
final class TestCluster implements AutoCloseable {
    private static final String HOST = "127.0.0.1";
    private static final String JAR = "millrace-spark-job.jar";

    /** Spark's Hadoop asks later ones for what they have no longer. */
    private static final Pattern FOR_SPARK = Pattern.compile("JAVA_VERSION=\"(17|21)[.\"]");

    private final Path folder;
    private final int port;
    private final List<Process> processes = new ArrayList<>();

    /** A cluster with so many places. */
    TestCluster(Path folder, int places) throws Exception {
        this.folder = folder;
        layOutSpark();
        layOutMillrace();
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        start("master", "org.apache.spark.deploy.master.Master", "--port", "" + port);
        await(() -> log("master").contains("I have been elected leader"), "master");
        start(
                "worker",
                "org.apache.spark.deploy.worker.Worker",
                "--cores",
                "" + places,
                "--memory",
                "4g",
                "--work-dir",
                folder.resolve("work").toString(),
                master());
        await(() -> log("worker").contains("Successfully registered with master"), "worker");
    }

    /** A JDK that Spark runs on; empty where this machine has none. */
    static Optional<Path> jdk() {
        Path jdks = Path.of("/usr/lib/jvm");
        if (!Files.isDirectory(jdks)) {
            return Optional.empty();
        }
        try (Stream<Path> all = Files.list(jdks)) {
            return all.filter(TestCluster::isForSpark).sorted().findFirst();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean isForSpark(Path jdk) {
        Path release = jdk.resolve("release");
        try {
            return Files.isReadable(release) && FOR_SPARK.matcher(Files.readString(release)).find();
        } catch (IOException e) {
            return false;
        }
    }

    String master() {
        return "spark://" + HOST + ":" + port;
    }

    Path sparkHome() {
        return folder.resolve("spark");
    }

    /** The folder of Millrace's workers. */
    Path millrace() {
        return folder.resolve("millrace");
    }

    /** Spark's driver with an application's arguments, and more properties. */
    ProcessBuilder submission(List<String> conf, List<String> arguments) {
        List<String> line = new ArrayList<>(java());
        line.add("org.apache.spark.deploy.SparkSubmit");
        line.addAll(List.of("--master", master(), "--class", SparkTune.class.getName()));
        List<String> all = new ArrayList<>(conf);
        all.add("spark.millrace.home=" + millrace());
        all.add("spark.millrace.heap=512m");
        all.add("spark.driver.host=" + HOST);
        all.add("spark.driver.bindAddress=" + HOST);
        all.add("spark.executor.memory=512m");
        all.add("spark.executor.cores=1");
        all.add("spark.ui.enabled=false");
        all.forEach(one -> line.addAll(List.of("--conf", one)));
        line.add(millrace().resolve("lib/" + JAR).toString());
        line.addAll(arguments);
        return environment(new ProcessBuilder(line));
    }

    private void layOutSpark() throws IOException {
        Path jars = Files.createDirectories(sparkHome().resolve("jars"));
        naming(
                jars.resolve("spark.jar"),
                entries().stream()
                        .filter(entry -> entry.endsWith(".jar"))
                        .filter(entry -> !entry.contains("millrace-"))
                        // Two ways to log are on a test's class path, one of ours and one of
                        // Spark's.
                        .filter(entry -> !entry.contains("slf4j-jdk14"))
                        .toList());
    }

    /**
     * The jar that Spark gets has this module's classes; what workers need beside it is named by
     * another.
     */
    private void layOutMillrace() throws IOException {
        Path lib = Files.createDirectories(millrace().resolve("lib"));
        Files.copy(Path.of("..", "config", "jvm.args"), millrace().resolve("jvm.args"));
        Path classes = Path.of(location());
        if (Files.isDirectory(classes)) {
            pack(classes, lib.resolve(JAR));
        } else {
            Files.copy(classes, lib.resolve(JAR));
        }
        naming(
                lib.resolve("others.jar"),
                entries().stream().filter(entry -> !entry.contains("log4j-slf4j2")).toList());
    }

    private static void pack(Path classes, Path to) throws IOException {
        try (JarOutputStream jar = new JarOutputStream(Files.newOutputStream(to));
                Stream<Path> files = Files.walk(classes)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                jar.putNextEntry(new JarEntry(classes.relativize(file).toString()));
                Files.copy(file, jar);
                jar.closeEntry();
            }
        }
    }

    /** A jar that names others. */
    private static void naming(Path jar, List<String> entries) throws IOException {
        List<String> urls = new ArrayList<>();
        for (String entry : entries) {
            urls.add(new File(entry).toURI().toString());
        }
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().put(Attributes.Name.CLASS_PATH, String.join(" ", urls));
        new JarOutputStream(Files.newOutputStream(jar), manifest).close();
    }

    private static String location() {
        return SparkTune.class.getProtectionDomain().getCodeSource().getLocation().getPath();
    }

    private static List<String> entries() {
        return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> !entry.isEmpty())
                .toList();
    }

    private List<String> java() {
        List<String> line = new ArrayList<>();
        line.add(jdk().orElseThrow().resolve("bin/java").toString());
        for (String option : JavaModuleOptions.defaultModuleOptions().split(" ", -1)) {
            line.add(option);
        }
        line.addAll(List.of("-Xmx512m", "-cp", sparkHome().resolve("jars") + "/*"));
        return line;
    }

    private ProcessBuilder environment(ProcessBuilder process) {
        process.environment().put("SPARK_HOME", sparkHome().toString());
        process.environment().put("SPARK_LOCAL_IP", HOST);
        process.environment().put("SPARK_SCALA_VERSION", "2.13");
        process.environment().put("JAVA_HOME", jdk().orElseThrow().toString());
        return process;
    }

    private void start(String name, String program, String... arguments) throws IOException {
        List<String> line = new ArrayList<>(java());
        line.addAll(List.of(program, "--host", HOST, "--webui-port", "0"));
        line.addAll(List.of(arguments));
        processes.add(
                environment(new ProcessBuilder(line))
                        .redirectErrorStream(true)
                        .redirectOutput(folder.resolve(name + ".log").toFile())
                        .start());
    }

    /** What a daemon, or an executor, has said. */
    String log(String name) {
        try {
            Path log = folder.resolve(name + ".log");
            return Files.exists(log) ? Files.readString(log) : "";
        } catch (IOException e) {
            return name + ": " + e;
        }
    }

    private void await(BooleanSupplier condition, String name) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(2);
        while (!condition.getAsBoolean()) {
            assertThat(processes.getLast().isAlive() && System.nanoTime() < deadline)
                    .as(log(name))
                    .isTrue();
            TimeUnit.MILLISECONDS.sleep(50);
        }
    }

    /** Processes that run a program, by the order of their start. */
    List<ProcessHandle> running(String program) {
        return processes.stream()
                .flatMap(Process::descendants)
                .filter(process -> commandLine(process).contains(program))
                .sorted(Comparator.comparingLong(ProcessHandle::pid))
                .toList();
    }

    private static String commandLine(ProcessHandle process) {
        try {
            return Files.readString(
                    Path.of("/proc", "" + process.pid(), "cmdline"), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return ""; // it has ended
        }
    }

    /** Errors of executors, for messages. */
    String executors() throws IOException {
        StringBuilder said = new StringBuilder();
        if (Files.isDirectory(folder.resolve("work"))) {
            try (Stream<Path> files = Files.walk(folder.resolve("work"))) {
                for (Path file : files.filter(one -> one.endsWith("stderr")).sorted().toList()) {
                    List<String> lines = Files.readAllLines(file);
                    said.append(file).append('\n');
                    lines.subList(Math.max(0, lines.size() - 40), lines.size())
                            .forEach(line -> said.append(line).append('\n'));
                }
            }
        }
        return said.toString();
    }

    @Override
    public void close() {
        for (Process process : processes.reversed()) {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
            process.onExit().join();
        }
    }
}
