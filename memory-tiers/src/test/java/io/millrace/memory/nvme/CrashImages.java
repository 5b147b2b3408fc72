package io.millrace.memory.nvme;

import io.millrace.memory.nvme.RecordingFileIo.Event;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * Lays out what a drive might hold after the power failed at a given instant of a recording: each
 * write that a finished sync covers is there; every other is there, or not, or in part, whatever
 * the order in which they were asked for.
 */
public final class CrashImages {
    private final Path base;
    private final List<Event> events;
    private final boolean syncsHold;

    /**
     * Images of a recording.
     *
     * @param base the folder's content when the recording began
     * @param events what was recorded
     * @param syncsHold false for a drive that lies about its syncs
     */
    public CrashImages(Path base, List<Event> events, boolean syncsHold) {
        this.base = base;
        this.events = events;
        this.syncsHold = syncsHold;
    }

    /** Lays out one image of a crash after the first events. */
    public void lay(int eventCount, long seed, Path folder) throws IOException {
        SplittableRandom random = new SplittableRandom(seed);
        Files.createDirectories(folder);
        try (var files = Files.list(base)) {
            for (Path file : files.toList()) {
                Files.copy(file, folder.resolve(file.getFileName().toString()));
            }
        }
        Set<Integer> durable = durableWrites(eventCount);
        // Each image has its own mood: all lost, all there, or anything between.
        double kept = random.nextInt(3) * 0.5;
        for (Event event : events.subList(0, eventCount)) {
            if (event instanceof Event.WriteBegan write) {
                Path file = folder.resolve(write.file().getFileName().toString());
                if (durable.contains(write.id())) {
                    apply(file, write, 0, write.bytes().capacity());
                } else {
                    tear(file, write, kept, random);
                }
            }
        }
    }

    private static void tear(
            Path file, Event.WriteBegan write, double kept, SplittableRandom random)
            throws IOException {
        double fate = random.nextDouble();
        if (fate < kept / 2) {
            apply(file, write, 0, write.bytes().capacity());
        } else if (fate < kept) {
            int unit = random.nextBoolean() ? 512 : 8; // sectors, and worse than any drive
            for (int at = 0; at < write.bytes().capacity(); at += unit) {
                if (random.nextBoolean()) {
                    apply(file, write, at, Math.min(unit, write.bytes().capacity() - at));
                }
            }
        }
    }

    private Set<Integer> durableWrites(int eventCount) {
        Set<Integer> ended = new HashSet<>();
        Set<Integer> durable = new HashSet<>();
        for (int i = 0; i < eventCount && syncsHold; i++) {
            switch (events.get(i)) {
                case Event.Ended end -> ended.add(end.id());
                case Event.SyncBegan sync -> {
                    if (events.subList(i, eventCount).contains(new Event.Ended(sync.id()))) {
                        events.subList(0, i).stream()
                                .filter(Event.WriteBegan.class::isInstance)
                                .map(Event.WriteBegan.class::cast)
                                .filter(write -> write.file().equals(sync.file()))
                                .filter(write -> ended.contains(write.id()))
                                .forEach(write -> durable.add(write.id()));
                    }
                }
                case Event.WriteBegan write -> {}
                case Event.Mark mark -> {}
            }
        }
        return durable;
    }

    private static void apply(Path file, Event.WriteBegan write, int from, int length)
            throws IOException {
        try (FileChannel out = FileChannel.open(file, StandardOpenOption.WRITE)) {
            ByteBuffer part = write.bytes().slice(from, length);
            while (part.hasRemaining()) {
                out.write(part, write.position() + from + part.position());
            }
        }
    }
}
