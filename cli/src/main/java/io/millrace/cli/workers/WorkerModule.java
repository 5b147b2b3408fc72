package io.millrace.cli.workers;

import io.millrace.memory.BadInputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.ServiceLoader;
import java.util.stream.Stream;

/** The module for several workers: on the class path, or in a folder that the launcher names. */
public final class WorkerModule {
    /** The folder with its jars; a property of the JVM. */
    public static final String FOLDER = "millrace.workers";

    private WorkerModule() {}

    /**
     * What starts workers.
     *
     * @throws BadInputException where the module is not here
     */
    public static WorkerLauncher find() {
        return ServiceLoader.load(WorkerLauncher.class, loader())
                .findFirst()
                .orElseThrow(() ->
                        new BadInputException(
                                "--workers",
                                "the module for several workers is not here",
                                "start ./millrace with --workers on its line, which builds it, or add"
                                        + " millrace-spark and its libraries to the class path"));
    }

    /** The jars in its folder; none where it is on the class path. */
    public static List<Path> jars() {
        String folder = System.getProperty(FOLDER, "");
        if (folder.isEmpty() || !Files.isDirectory(Path.of(folder))) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(Path.of(folder))) {
            return files.filter(file -> file.toString().endsWith(".jar")).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(folder + " cannot be read", e);
        }
    }

    private static ClassLoader loader() {
        ClassLoader here = WorkerModule.class.getClassLoader();
        List<Path> jars = jars();
        // Open as long as the process: workers are its last thing.
        return jars.isEmpty() ? here : new URLClassLoader(urls(jars), here);
    }

    private static URL[] urls(List<Path> jars) {
        URL[] urls = new URL[jars.size()];
        for (int i = 0; i < urls.length; i++) {
            try {
                urls[i] = jars.get(i).toUri().toURL();
            } catch (IOException e) {
                throw new UncheckedIOException(jars.get(i) + " is no path of a jar", e);
            }
        }
        return urls;
    }
}
