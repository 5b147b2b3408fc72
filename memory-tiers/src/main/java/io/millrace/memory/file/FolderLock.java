package io.millrace.memory.file;

import io.millrace.memory.BadInputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A folder held by one owner at a time, in this process or any other: a lock on a file in it, which
 * the end of a process frees however it comes. The file is gone when the lock was closed.
 *
 * <p>Two things would make a second owner. Whoever closes any channel of a file loses all locks
 * that its process has on it, so a process opens a lock's file once. And an owner may delete the
 * file between another's opening and locking it, so whoever has locked a file looks whether the
 * name still leads to it.
 */
public final class FolderLock implements AutoCloseable {
    /** The file's size names its owner while it is locked; most of it takes no room on a disk. */
    private static final int SIZE_LIMIT = 1 << 20;

    /** What this process holds; guarded by itself. */
    private static final Set<Key> HELD = new HashSet<>();

    private final Key key;
    private final Path file;
    private final FileChannel channel;

    /** A file in a folder, whatever path leads to that. */
    private record Key(Object folder, String name) {}

    private FolderLock(Key key, Path file, FileChannel channel) {
        this.key = key;
        this.file = file;
        this.channel = channel;
    }

    /**
     * Takes a folder, without waiting.
     *
     * @param folder exists
     * @param name of the lock's file
     * @return empty when somebody holds it
     * @throws IOException when the file cannot be written or locked
     */
    public static Optional<FolderLock> tryTake(Path folder, String name) throws IOException {
        return tryTake(folder, name, () -> {});
    }

    /**
     * Takes a folder that a person named.
     *
     * @param inUse what is said where somebody holds it, such as {@code another run uses it}
     * @throws BadInputException when somebody does, or the file cannot be written or locked
     */
    public static FolderLock take(Path folder, String name, String inUse) {
        try {
            return tryTake(folder, name)
                    .orElseThrow(() ->
                            new BadInputException(
                                    folder.toString(), inUse, "wait for it, or give another"));
        } catch (IOException e) {
            throw new BadInputException(
                    folder.toString(), "cannot be locked (" + e + ")", "give a writable folder");
        }
    }

    static Optional<FolderLock> tryTake(Path folder, String name, Runnable afterOpening)
            throws IOException {
        Path real = folder.toRealPath();
        Object inode = Files.readAttributes(real, BasicFileAttributes.class).fileKey();
        Key key = new Key(inode == null ? real : inode, name);
        Path file = real.resolve(name);
        synchronized (HELD) {
            if (HELD.contains(key)) {
                return Optional.empty();
            }
            while (true) {
                FileChannel channel =
                        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                boolean taken = false;
                try {
                    afterOpening.run();
                    if (channel.tryLock() == null) {
                        return Optional.empty();
                    }
                    taken = isStill(file, channel);
                    if (taken) {
                        HELD.add(key);
                        return Optional.of(new FolderLock(key, file, channel));
                    }
                } catch (OverlappingFileLockException e) {
                    return Optional.empty(); // held by other code of this process
                } finally {
                    if (!taken) {
                        channel.close();
                    }
                }
            }
        }
    }

    /**
     * Whether a name leads to a locked file, which only the lock's owner changes. Its size is made
     * to tell, since opening the name to look would lose the lock.
     */
    private static boolean isStill(Path file, FileChannel locked) throws IOException {
        int size = ThreadLocalRandom.current().nextInt(1, SIZE_LIMIT);
        locked.truncate(0);
        locked.write(ByteBuffer.allocate(1), size - 1L);
        try {
            return Files.size(file) == size;
        } catch (NoSuchFileException e) {
            return false;
        }
    }

    /** Deletes the file and lets the folder go; a second call does nothing. */
    @Override
    public void close() {
        synchronized (HELD) {
            if (!channel.isOpen()) {
                return;
            }
            // Deleted while it is held: whoever has opened it meanwhile finds the name gone.
            try (channel) {
                Files.deleteIfExists(file);
            } catch (IOException e) {
                throw new UncheckedIOException(file + " cannot be released", e);
            } finally {
                HELD.remove(key);
            }
        }
    }
}
