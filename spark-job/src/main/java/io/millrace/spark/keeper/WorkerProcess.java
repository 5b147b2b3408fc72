package io.millrace.spark.keeper;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** A worker's process, as its keeper has it. Closing it kills it. */
public final class WorkerProcess implements AutoCloseable {
    /** The main class of a worker. */
    public static final String PROGRAM = "io.millrace.spark.worker.WorkerMain";

    private static final String BANNER = "WARNING: Using incubator modules: jdk.incubator.vector\n";

    /** Takes what a worker shows on standard error, as it comes. */
    public interface Screen {
        void show(byte[] bytes, int count);
    }

    private final Process process;
    private final OutputStream in;
    private final CompletableFuture<Integer> port = new CompletableFuture<>();
    private final Thread pump;
    private volatile String lastLine = "";

    private WorkerProcess(Process process, Consumer<String> said, Screen screen) {
        this.process = process;
        in = process.getOutputStream();
        start("millrace-hears", () -> hear(said));
        pump = start("millrace-watches", () -> pump(screen));
    }

    private static Thread start(String name, Runnable what) {
        Thread thread = new Thread(what, name);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    /**
     * Starts one.
     *
     * @param command the JVM with {@link #PROGRAM}, without its order
     * @param said takes lines of the command's answer
     * @param screen takes what it shows meanwhile
     */
    public static WorkerProcess start(List<String> command, Consumer<String> said, Screen screen)
            throws IOException {
        return new WorkerProcess(new ProcessBuilder(command).start(), said, screen);
    }

    /** Says what to do, once: an order and a seat, as lines. */
    public void order(String order, String seat) throws IOException {
        write(order + "\n" + seat + "\n");
    }

    private void write(String lines) throws IOException {
        in.write(lines.getBytes(StandardCharsets.UTF_8));
        in.flush();
    }

    /** Asks it to stop after a step. */
    public void stop() {
        try {
            write("stop\n");
        } catch (IOException e) {
            // It has ended.
        }
    }

    /** Where worker 0 listens, once it does; cancelled where it ends before. */
    public CompletableFuture<Integer> port() {
        return port;
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    public long pid() {
        return process.pid();
    }

    /** Done when the process has ended, and all that it showed was seen. */
    public CompletableFuture<Integer> exit() {
        return process.onExit()
                .thenApply(ended -> {
                    try {
                        pump.join();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                    return ended.exitValue();
                });
    }

    /** The last line that it showed, without the command's name before it. */
    public String lastLine() {
        return lastLine;
    }

    private void hear(Consumer<String> said) {
        try (BufferedReader lines =
                new BufferedReader(
                        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.startsWith("say ")) {
                    said.accept(line.substring("say ".length()));
                } else if (line.startsWith("port ")) {
                    port.complete(Integer.valueOf(line.substring("port ".length())));
                }
            }
        } catch (IOException e) {
            // Its end.
        }
        port.cancel(false);
    }

    private void pump(Screen screen) {
        LineStream lines =
                new LineStream(line -> {
                    if (!line.isBlank()) {
                        lastLine = line.startsWith("millrace: ") ? line.substring(10) : line;
                    }
                });
        byte[] bytes = new byte[1 << 13];
        StringBuilder first = new StringBuilder();
        boolean started = false;
        try (InputStream shown = process.getErrorStream()) {
            for (int count = shown.read(bytes); count >= 0; count = shown.read(bytes)) {
                if (!started) {
                    // The JVM announces its incubator module, and cannot be told not to.
                    first.append(new String(bytes, 0, count, StandardCharsets.UTF_8));
                    if (BANNER.startsWith(first.toString()) && !BANNER.contentEquals(first)) {
                        continue;
                    }
                    started = true;
                    String rest = first.toString();
                    rest = rest.startsWith(BANNER) ? rest.substring(BANNER.length()) : rest;
                    byte[] begin = rest.getBytes(StandardCharsets.UTF_8);
                    screen.show(begin, begin.length);
                    lines.write(begin, 0, begin.length);
                } else {
                    screen.show(bytes, count);
                    lines.write(bytes, 0, count);
                }
            }
        } catch (IOException e) {
            // Its end.
        }
    }

    /** SIGKILL, to whatever it has become. */
    @Override
    public void close() {
        process.destroyForcibly();
    }
}
