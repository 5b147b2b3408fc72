package io.millrace.memory.file;

import java.io.IOException;
import java.nio.file.Path;

/**
 * What writing files that must outlive a crash takes. Nothing survives a loss of power unless it
 * was asked for: a file's bytes after {@link DiskFile#force}, its name after {@link #syncFolder} of
 * its folder.
 */
public interface Disk {
    /** The file system of this machine. */
    static Disk system() {
        return SystemDisk.INSTANCE;
    }

    /**
     * Makes a file.
     *
     * @throws java.nio.file.FileAlreadyExistsException where the name is taken
     */
    DiskFile create(Path file) throws IOException;

    /** Makes a file, or empties the one that is there. */
    DiskFile overwrite(Path file) throws IOException;

    /** Opens a file that is there, to go on with it. */
    DiskFile open(Path file) throws IOException;

    /** Makes one folder; the one that it lies in exists. */
    void createFolder(Path folder) throws IOException;

    /** Gives a file another name in the same folder, at one stroke, in place of what had it. */
    void move(Path from, Path to) throws IOException;

    /** Deletes a file or an empty folder, if it is there. */
    void delete(Path path) throws IOException;

    /** Sees the names in a folder onto the disk: what was made, moved and deleted there. */
    void syncFolder(Path folder) throws IOException;
}
