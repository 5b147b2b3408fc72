package io.millrace.spark.job;

import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.spark.SparkConf;

/**
 * Millrace as it lies on a machine, at the same place on each.
 *
 * @param home folder with {@code lib} and {@code jvm.args}
 * @param heap of a worker's JVM
 * @param java the command of a JDK 25; empty for one that is found where JDKs usually are
 */
record Installation(String home, String heap, String java) implements Serializable {
    static final String HOME = "spark.millrace.home";
    static final String HEAP = "spark.millrace.heap";
    static final String JAVA = "spark.millrace.java";

    private static final long serialVersionUID = 1L;
    private static final int VERSION = 25;
    private static final Path JDKS = Path.of("/usr/lib/jvm");

    static Installation of(SparkConf conf) {
        return new Installation(conf.get(HOME, ""), conf.get(HEAP, "2g"), conf.get(JAVA, ""));
    }

    /** Why no worker can run here; empty where one can. */
    Optional<String> lack() {
        if (home.isEmpty()) {
            return Optional.of(HOME + " is not set; name the folder of Millrace's workers");
        }
        if (!Files.isDirectory(Path.of(home, "lib"))) {
            return Optional.of(
                    Path.of(home).toAbsolutePath()
                            + " has no lib; put Millrace's workers at the same place on each machine");
        }
        return javaCommand().isPresent()
                ? Optional.empty()
                : Optional.of(
                        "there is no JDK "
                                + VERSION
                                + "; install one, and name its java in "
                                + JAVA);
    }

    /** Spark's own JVM may be an older one. */
    private Optional<Path> javaCommand() {
        if (!java.isEmpty()) {
            return Optional.of(Path.of(java)).filter(Files::isExecutable);
        }
        if (Runtime.version().feature() >= VERSION) {
            return Optional.of(Path.of(System.getProperty("java.home"), "bin", "java"));
        }
        if (!Files.isDirectory(JDKS)) {
            return Optional.empty();
        }
        try (Stream<Path> jdks = Files.list(JDKS)) {
            return jdks.filter(Installation::isOfVersion)
                    .sorted()
                    .map(jdk -> jdk.resolve("bin/java"))
                    .findFirst();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static boolean isOfVersion(Path jdk) {
        Path release = jdk.resolve("release");
        try {
            return Files.isReadable(release)
                    && Files.readString(release).contains("JAVA_VERSION=\"" + VERSION);
        } catch (IOException e) {
            return false;
        }
    }

    /** The command line of a program of Millrace's on this machine. */
    List<String> command(String program, List<String> options) {
        List<String> command = new ArrayList<>();
        command.add(javaCommand().orElseThrow().toString());
        command.add("@" + Path.of(home, "jvm.args"));
        command.addAll(List.of("-Xmx" + heap, "-XX:+UseSerialGC"));
        command.addAll(options);
        command.addAll(List.of("-cp", Path.of(home, "lib") + "/*", program));
        return command;
    }
}
