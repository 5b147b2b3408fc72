package io.millrace.model.text.row;

import com.github.luben.zstd.ZstdInputStream;
import java.util.List;
import java.util.Optional;
import java.util.zip.GZIPInputStream;

/** How data files may be packed. A new way is a line here. */
public final class Compressions {
    /** All of them. */
    public static final List<Compression> ALL =
            List.of(
                    new Compression("gzip", ".gz", in -> new GZIPInputStream(in, 1 << 16)),
                    new Compression("zstd", ".zst", ZstdInputStream::new));

    private Compressions() {}

    /** How a file is packed, by the ending of its name in lower case. */
    static Optional<Compression> of(String name) {
        return ALL.stream().filter(one -> name.endsWith(one.ending())).findFirst();
    }
}
