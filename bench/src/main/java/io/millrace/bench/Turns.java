package io.millrace.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * A run that stands still but when it is its turn, by SIGSTOP and SIGCONT. Steps are counted by the
 * lines of its metrics.
 */
final class Turns implements AutoCloseable {
    private static final long POLL_MS = 2;

    private final Process process;
    private final Path out;
    private final Path metrics;

    /** What one turn cost, of whole steps alone. */
    record Cost(double stepSeconds, double processorSeconds) {}

    /** Takes a run over, which stands still from now on. */
    Turns(Process process, Path out) throws IOException, InterruptedException {
        this.process = process;
        this.out = out;
        metrics = out.resolve("metrics.jsonl");
        signal("STOP");
    }

    /** Lets the run go on for a while; from the end of its first step to that of its last. */
    Cost take(int seconds) throws IOException, InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        long size = Files.size(metrics);
        signal("CONT");
        long firstNs = 0;
        long firstSize = 0;
        double firstProcessor = 0;
        long lastNs = 0;
        double lastProcessor = 0;
        while (System.nanoTime() < end) {
            TimeUnit.MILLISECONDS.sleep(POLL_MS);
            long now = Files.size(metrics);
            if (now != size) {
                size = now;
                lastNs = System.nanoTime();
                lastProcessor = processorSeconds();
                if (firstNs == 0) {
                    firstNs = lastNs;
                    firstSize = size;
                    firstProcessor = lastProcessor;
                }
            }
        }
        signal("STOP");
        long steps = linesBetween(firstSize, size);
        return new Cost(
                (lastNs - firstNs) * 1e-9 / steps, (lastProcessor - firstProcessor) / steps);
    }

    private long linesBetween(long from, long to) throws IOException {
        byte[] all = Files.readAllBytes(metrics);
        long lines = 0;
        for (int i = (int) from; i < to; i++) {
            lines += all[i] == '\n' ? 1 : 0;
        }
        return lines;
    }

    private double processorSeconds() {
        return process.info().totalCpuDuration().orElseThrow().toNanos() * 1e-9;
    }

    private void signal(String name) throws IOException, InterruptedException {
        String pid = Long.toString(process.pid());
        if (new ProcessBuilder("kill", "-" + name, pid).start().waitFor() != 0) {
            throw new IllegalStateException("the run of " + out + " ended");
        }
    }

    @Override
    public void close() throws IOException {
        process.destroyForcibly().onExit().join();
        Folders.delete(out);
    }
}
