package io.millrace.memory.nvme;

import java.nio.file.Path;
import java.util.OptionalInt;

/**
 * A tensor's place in a user's file and in its block.
 *
 * @param file a safetensors file
 * @param fileOffset absolute position of its first byte; any number
 * @param sizeBytes bytes of it
 * @param blockOffset its first byte in the block
 * @param checksum CRC-32C of its bytes, where they were read before
 */
public record FileExtent(
        Path file, long fileOffset, long sizeBytes, long blockOffset, OptionalInt checksum) {
    /** Checks signs. */
    public FileExtent {
        if (fileOffset < 0 || sizeBytes < 0 || blockOffset < 0) {
            throw new IllegalArgumentException(
                    file + ": " + sizeBytes + " bytes at " + fileOffset + " for " + blockOffset);
        }
    }

    /** A tensor whose bytes nobody has read yet. */
    public FileExtent(Path file, long fileOffset, long sizeBytes, long blockOffset) {
        this(file, fileOffset, sizeBytes, blockOffset, OptionalInt.empty());
    }
}
