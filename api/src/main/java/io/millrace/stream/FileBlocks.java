package io.millrace.stream;

import io.millrace.memory.nvme.FileExtent;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Blocks that lie in a file one behind the other. */
final class FileBlocks extends Blocks {
    private final Path file;

    FileBlocks(Path file, List<Long> sizes) {
        super(sizes);
        this.file = file;
    }

    /** Where each block lies. */
    List<List<FileExtent>> extents() {
        List<List<FileExtent>> extents = new ArrayList<>();
        long at = 0;
        for (long size : sizes()) {
            extents.add(List.of(new FileExtent(file, at, size, 0)));
            at += size;
        }
        return extents;
    }

    /** Its size and the time of its last change, wherever it lies. */
    @Override
    String identity() {
        try {
            return "file of "
                    + Files.size(file)
                    + " bytes as of "
                    + Files.getLastModifiedTime(file).toMillis();
        } catch (IOException e) {
            throw new UncheckedIOException(file.toString(), e);
        }
    }
}
