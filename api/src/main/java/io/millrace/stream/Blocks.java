package io.millrace.stream;

import io.millrace.memory.BadInputException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Where the blocks of a stream come from, before any of them was changed. */
public abstract sealed class Blocks permits FileBlocks, FilledBlocks {
    private final List<Long> sizes;

    Blocks(List<Long> sizes) {
        if (sizes.isEmpty() || sizes.stream().anyMatch(size -> size < 1)) {
            throw new IllegalArgumentException("blocks of " + sizes + " bytes");
        }
        this.sizes = List.copyOf(sizes);
    }

    /** Writes a block's bytes into memory. */
    @FunctionalInterface
    public interface Filler {
        /**
         * Fills a block; called on a thread of the stream, one block at a time.
         *
         * @param block its place, from 0
         * @param memory exactly the block's size; zero or what lay there before
         * @throws Exception which ends the pass
         */
        void fill(int block, MemorySegment memory) throws Exception;
    }

    /**
     * A file, cut into blocks of one size; the last may be shorter. It is read past the page cache
     * where the system allows that, and never written.
     *
     * @param file stays as it is while the stream is used, and until it is gone on with
     * @param blockBytes bytes of a block, at least 1
     * @throws BadInputException where there is no such file, or nothing in it
     */
    public static Blocks ofFile(Path file, long blockBytes) {
        long bytes = size(file);
        List<Long> sizes = new ArrayList<>();
        for (long first = 0; first < bytes; first += blockBytes) {
            sizes.add(Math.min(blockBytes, bytes - first));
        }
        return ofFile(file, sizes);
    }

    /**
     * A file, cut into blocks of these sizes, one behind the other from its beginning on.
     *
     * @throws BadInputException where there is no such file, or it is shorter
     */
    public static Blocks ofFile(Path file, List<Long> sizes) {
        long bytes = size(file);
        long needed = sizes.stream().mapToLong(Long::longValue).sum();
        if (bytes == 0 || needed > bytes) {
            throw new BadInputException(
                    file.toString(),
                    "has " + bytes + " bytes, and the blocks have " + needed,
                    "give a file that holds them all");
        }
        return new FileBlocks(file, sizes);
    }

    /**
     * Blocks that a function fills, each time that one is needed and is in no memory: it must give
     * the same bytes each time.
     *
     * @param name what they are, seed included: a stream goes on with blocks of the same name alone
     * @param sizes bytes of each
     * @param filler fills them
     */
    public static Blocks filled(String name, List<Long> sizes, Filler filler) {
        return new FilledBlocks(name, sizes, filler);
    }

    /** Bytes of each block. */
    public final List<Long> sizes() {
        return sizes;
    }

    /** How many there are. */
    public final int count() {
        return sizes.size();
    }

    /** What tells them from others. */
    abstract String identity();

    private static long size(Path file) {
        try {
            return Files.size(file);
        } catch (IOException e) {
            throw new BadInputException(
                    file.toString(), "cannot be read (" + e.getMessage() + ")", "check the path");
        }
    }
}
