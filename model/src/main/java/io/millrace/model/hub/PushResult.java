package io.millrace.model.hub;

import java.net.URI;
import java.util.List;
import java.util.Optional;

/**
 * What a push has done.
 *
 * @param address where the repository is
 * @param commit the commit that was made; empty where all was there already
 * @param files what became of each
 */
public record PushResult(URI address, Optional<String> commit, List<PushedFile> files) {
    /** Freezes the files. */
    public PushResult {
        files = List.copyOf(files);
    }

    /** Bytes of the files that went. */
    public long sentBytes() {
        return files.stream()
                .filter(file -> file.fate() == PushedFile.Fate.SENT)
                .mapToLong(PushedFile::sizeBytes)
                .sum();
    }
}
