package io.millrace.memory.slice;

import io.millrace.memory.Ledger;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Rings for tests: several workers of one process, each with a mapping of its own. */
public final class RingFolder {
    private RingFolder() {}

    /** A folder in memory, where there is one. */
    public static Path path() {
        Path shared = Path.of("/dev/shm");
        return Files.isDirectory(shared) ? shared : Path.of(System.getProperty("java.io.tmpdir"));
    }

    /** The ends of one ring, one a worker; each is closed by itself. */
    public static List<SliceRing> of(RingShape shape, Ledger ledger, Duration silence)
            throws IOException {
        List<Integer> ranks = IntStream.range(0, shape.members()).boxed().toList();
        List<SliceRing> rings = new ArrayList<>();
        for (int me : ranks) {
            SliceRing.Members members = new SliceRing.Members(me, ranks, ledger, silence);
            rings.add(
                    me == 0
                            ? SliceRing.create(path(), shape, members)
                            : SliceRing.open(rings.getFirst().path(), shape, members));
        }
        rings.getFirst().unlink();
        return rings;
    }
}
