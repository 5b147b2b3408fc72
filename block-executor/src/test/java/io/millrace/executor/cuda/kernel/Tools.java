package io.millrace.executor.cuda.kernel;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Compilers of this machine. */
public final class Tools {
    private Tools() {}

    /** A tool on PATH or in the CUDA toolkit's usual place. */
    public static Optional<Path> find(String tool) {
        Stream<Path> onPath =
                Pattern.compile(File.pathSeparator, Pattern.LITERAL)
                        .splitAsStream(System.getenv("PATH"))
                        .map(Path::of);
        return Stream.concat(onPath, Stream.of(Path.of("/usr/local/cuda/bin")))
                .map(folder -> folder.resolve(tool))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /** Runs a tool in a folder, and answers what it said; fails with that where it failed. */
    public static String run(Path folder, long limit, TimeUnit unit, String... command) {
        try {
            Process process =
                    new ProcessBuilder(command)
                            .directory(folder.toFile())
                            .redirectErrorStream(true)
                            .start();
            String said =
                    new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (!process.waitFor(limit, unit) || process.exitValue() != 0) {
                process.destroyForcibly();
                throw new AssertionError(String.join(" ", command) + " says:\n" + said);
            }
            return said;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
