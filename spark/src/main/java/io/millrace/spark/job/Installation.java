package io.millrace.spark.job;

import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.spark.SparkConf;

/**
 * Millrace as it lies on a machine, at the same place on each.
 *
 * @param home folder with {@code lib} and {@code jvm.args}; relative to the working folder of a
 *     Spark executor where {@code spark.archives} brings it
 * @param heap of a worker's JVM
 */
record Installation(String home, String heap) implements Serializable {
    static final String HOME = "spark.millrace.home";
    static final String HEAP = "spark.millrace.heap";

    private static final long serialVersionUID = 1L;
    private static final int JAVA = 25;

    static Installation of(SparkConf conf) {
        return new Installation(conf.get(HOME, ""), conf.get(HEAP, "2g"));
    }

    /** Why no worker can run here; empty where one can. */
    Optional<String> lack() {
        if (home.isEmpty()) {
            return Optional.of(HOME + " is not set; name the folder of Millrace's workers");
        }
        if (!Files.isDirectory(Path.of(home, "lib"))) {
            return Optional.of(
                    Path.of(home).toAbsolutePath()
                            + " has no lib; put Millrace at the same place on each machine, or bring it"
                            + " with spark.archives");
        }
        int version = Runtime.version().feature();
        return version < JAVA
                ? Optional.of("Java " + version + " runs Spark; set its JAVA_HOME to a JDK 25")
                : Optional.empty();
    }

    /** The command line of a program of Millrace's on this machine. */
    List<String> command(String program, List<String> options) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("@" + Path.of(home, "jvm.args"));
        command.addAll(List.of("-Xmx" + heap, "-XX:+UseSerialGC"));
        command.addAll(options);
        command.addAll(List.of("-cp", Path.of(home, "lib") + "/*", program));
        return command;
    }
}
