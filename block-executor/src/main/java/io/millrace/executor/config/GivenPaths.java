package io.millrace.executor.config;

import io.millrace.memory.BadInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Looks whether paths that options name can be used, before anything else is done. */
public final class GivenPaths {
    private GivenPaths() {}

    /**
     * Refuses a file that cannot be written where it is named; its folder has to be there.
     *
     * @param option that names it
     * @param file to be written
     * @throws BadInputException when it cannot be
     */
    public static void requireWritableFile(String option, Path file) {
        Path folder = file.toAbsolutePath().normalize().getParent();
        if (Files.isDirectory(file) || folder == null) {
            throw new BadInputException(option, file + " is a folder", "give a file in it");
        }
        if (!Files.isDirectory(folder)) {
            throw new BadInputException(
                    option,
                    Files.exists(folder)
                            ? folder + " is not a folder"
                            : "there is no folder " + folder,
                    "make it, or give a file in a folder that is there");
        }
        boolean writable = Files.exists(file) ? Files.isWritable(file) : canMakeFiles(folder);
        if (!writable) {
            throw new BadInputException(
                    option,
                    file + " cannot be written",
                    "check the permissions, or give a file in another folder");
        }
    }

    /**
     * Refuses a folder that is not there and cannot be made, or is no folder.
     *
     * @param option that names it
     * @param folder to be written in
     * @throws BadInputException when it cannot be
     */
    public static void requireFolder(String option, Path folder) {
        Path existing = folder.toAbsolutePath().normalize();
        while (existing.getParent() != null && !Files.exists(existing)) {
            existing = existing.getParent();
        }
        String what =
                Files.exists(folder) ? folder.toString() : folder + " cannot be made: " + existing;
        if (!Files.isDirectory(existing)) {
            throw new BadInputException(
                    option, what + " is not a folder", "give a folder, or one that can be made");
        }
        if (!canMakeFiles(existing)) {
            throw new BadInputException(
                    option,
                    what + " cannot be written",
                    "check the permissions, or give a folder on a disk that can be written");
        }
    }

    /** By trying: permissions alone say nothing of a disk that is mounted to be read only. */
    private static boolean canMakeFiles(Path folder) {
        try {
            Files.delete(Files.createTempFile(folder, ".millrace", ".probe"));
            return true;
        } catch (IOException e) {
            return false; // what is the matter with it is for its owner to see
        }
    }
}
