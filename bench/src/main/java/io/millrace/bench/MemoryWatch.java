package io.millrace.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.OptionalLong;

/**
 * Watches a process from outside: the most memory that was ever resident, by the system, and the
 * most of the card's memory beyond what was in use before, by nvidia-smi five times a second.
 */
final class MemoryWatch implements AutoCloseable {
    private final int card; // -1 for none
    private final long before;
    private Process smi;
    private Thread reader;
    private volatile long peakMib = -1;

    /**
     * Begins to watch a card.
     *
     * @param device {@code cuda:N}; others have no card to watch
     */
    MemoryWatch(String device) throws IOException {
        card = device.startsWith("cuda:") ? Integer.parseInt(device.substring(5)) : -1;
        before = card < 0 ? -1 : once();
        if (before >= 0) {
            smi = new ProcessBuilder(command("-lms", "200")).start();
            reader = Thread.ofPlatform().daemon().start(this::read);
        }
    }

    private String[] command(String... more) {
        String[] command = {
            "nvidia-smi",
            "--id=" + card,
            "--query-gpu=memory.used",
            "--format=csv,noheader,nounits",
            more.length > 0 ? more[0] : "",
            more.length > 1 ? more[1] : ""
        };
        return more.length == 0 ? java.util.Arrays.copyOf(command, 4) : command;
    }

    private long once() {
        try {
            Process process = new ProcessBuilder(command()).start();
            String text =
                    new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return process.waitFor() == 0 ? Long.parseLong(text.strip()) : -1;
        } catch (IOException | NumberFormatException _) {
            return -1; // no nvidia-smi: the result then has no such figure
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private void read() {
        try (BufferedReader lines =
                new BufferedReader(
                        new InputStreamReader(smi.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                peakMib = Math.max(peakMib, Long.parseLong(line.strip()));
            }
        } catch (IOException | NumberFormatException _) {
            peakMib = -1; // what cannot be read is not reported
        }
    }

    /** The card's most used bytes beyond those before; empty where nobody tells. */
    OptionalLong peakDeviceBytes() {
        long peak = peakMib;
        return peak < 0 ? OptionalLong.empty() : OptionalLong.of((peak - before) << 20);
    }

    /** A process's most resident bytes so far; empty where it has ended. */
    static OptionalLong peakResidentBytes(long pid) throws IOException {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/status"))) {
                if (line.startsWith("VmHWM:")) {
                    return OptionalLong.of(Long.parseLong(line.replaceAll("[^0-9]", "")) << 10);
                }
            }
        } catch (NoSuchFileException _) {
            return OptionalLong.empty();
        }
        return OptionalLong.empty();
    }

    @Override
    public void close() {
        if (smi != null) {
            smi.destroy();
            try {
                reader.join();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
