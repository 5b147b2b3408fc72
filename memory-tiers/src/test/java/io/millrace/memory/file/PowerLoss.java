package io.millrace.memory.file;

import io.millrace.memory.file.RecordingDisk.Operation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/**
 * Lays out what a disk might hold after the power failed, or the process was killed, between two
 * operations of a recording.
 */
public final class PowerLoss {
    private final List<Operation> operations;
    private final Path before;

    /**
     * Losses of power in a recording.
     *
     * @param before a folder with what the recorded one held, durably, when the recording began
     * @param operations what was recorded
     */
    public PowerLoss(Path before, List<Operation> operations) {
        this.before = before;
        this.operations = List.copyOf(operations);
    }

    /** How many operations there are. */
    public int length() {
        return operations.size();
    }

    /** The last note of a kind before an operation, or another value where there is none. */
    public <T> T lastMark(int count, Class<T> kind, T none) {
        return operations.subList(0, count).reversed().stream()
                .filter(Operation.Mark.class::isInstance)
                .map(mark -> ((Operation.Mark) mark).note())
                .filter(kind::isInstance)
                .map(kind::cast)
                .findFirst()
                .orElse(none);
    }

    /** Lays out what a killed process leaves: all that it did, seen onto the disk or not. */
    public void kill(int count, Path folder) throws IOException {
        lay(count, Survival.ALL, folder);
    }

    /**
     * Lays out what a loss of power may leave: of what was not seen onto the disk any part may be
     * missing, each change to a folder and each write to a file for itself. A write that survives
     * in part does so from its front, since files grow no faster than their bytes arrive.
     */
    public void cut(int count, long seed, Path folder) throws IOException {
        SplittableRandom random = new SplittableRandom(seed);
        // Each image has its own mood: all lost, all there, or anything between.
        double names = random.nextInt(3) * 0.5;
        double bytes = random.nextInt(3) * 0.5;
        lay(count, new Survival(random, names, bytes), folder);
    }

    private void lay(int count, Survival survival, Path folder) throws IOException {
        clear(folder);
        PageCache.Folder root = PageCache.Folder.read(before);
        Map<Integer, PageCache.File> handles = new HashMap<>();
        for (Operation operation : operations.subList(0, count)) {
            switch (operation) {
                case Operation.Opened o -> handles.put(o.handle(), open(root, o));
                case Operation.Wrote o -> handles.get(o.handle()).write(o.position(), o.bytes());
                case Operation.Cut o -> handles.get(o.handle()).truncate(o.sizeBytes());
                case Operation.Forced o -> handles.get(o.handle()).force();
                case Operation.MadeFolder o ->
                        root.find(o.folder().getParent())
                                .put(o.folder().getFileName(), new PageCache.Folder());
                case Operation.Moved o ->
                        root.find(o.from().getParent())
                                .move(o.from().getFileName(), o.to().getFileName());
                case Operation.Deleted o ->
                        root.find(o.path().getParent()).put(o.path().getFileName(), null);
                case Operation.SyncedFolder o -> root.find(o.folder()).sync();
                case Operation.Mark o -> {}
            }
        }
        root.lay(folder, survival);
    }

    private static PageCache.File open(PageCache.Folder root, Operation.Opened opened) {
        PageCache.Folder folder = root.find(opened.file().getParent());
        PageCache.File file = (PageCache.File) folder.get(opened.file().getFileName());
        if (file == null) {
            file = new PageCache.File();
            folder.put(opened.file().getFileName(), file);
        } else if (opened.emptied()) {
            file.truncate(0);
        }
        return file;
    }

    private static void clear(Path folder) throws IOException {
        if (Files.exists(folder)) {
            try (Stream<Path> files = Files.walk(folder)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
    }

    /** Which of the changes that nobody saw onto the disk got there all the same. */
    record Survival(SplittableRandom random, double names, double bytes) {
        static final Survival ALL = new Survival(new SplittableRandom(0), 1, 1);

        boolean keepsName() {
            return random.nextDouble() < names;
        }

        /** How many of so many bytes. */
        int kept(int length) {
            if (bytes == 1) {
                return length;
            }
            return random.nextDouble() < bytes ? random.nextInt(length + 1) : 0;
        }

        boolean keepsCut() {
            return random.nextDouble() < bytes;
        }
    }
}
