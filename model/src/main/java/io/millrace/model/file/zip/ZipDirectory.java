package io.millrace.model.file.zip;

import io.millrace.memory.BadInputException;
import io.millrace.model.file.raw.ReadableFile;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The central directory of a zip archive (APPNOTE 6.3.10), with its 64-bit form. The libraries that
 * read archives, {@code java.util.zip} among them, give an entry as a stream and not as a place,
 * and a place is what reads past the page cache need. Nothing is unpacked, so that names lead
 * nowhere: they are only compared.
 */
public final class ZipDirectory {
    /** Entries of a file of weights: one a tensor, and a handful beside them. */
    private static final int MAX_ENTRIES = 300_000;

    private static final int MAX_DIRECTORY_BYTES = 128 << 20;

    private static final int LOCAL = 0x04034b50;
    private static final int CENTRAL = 0x02014b50;
    private static final int END = 0x06054b50;
    private static final int END64 = 0x06064b50;
    private static final int LOCATOR64 = 0x07064b50;
    private static final int LOCAL_BYTES = 30;
    private static final int CENTRAL_BYTES = 46;
    private static final int END_BYTES = 22;
    private static final int END64_BYTES = 56;
    private static final int LOCATOR64_BYTES = 20;
    private static final int EXTRA64 = 0x0001;
    private static final int MAX_COMMENT_BYTES = 0xFFFF;
    private static final int ENCRYPTED = 0x1;
    private static final long WIDE_MAX = 0xFFFFFFFFL;
    private static final String DAMAGED = "download or write the file again";

    private final ReadableFile file;
    private final long fileBytes;

    private ZipDirectory(ReadableFile file, long fileBytes) {
        this.file = file;
        this.fileBytes = fileBytes;
    }

    /** Whether a file begins as an archive does; it may still be none. */
    public static boolean isBegun(ReadableFile file) throws IOException {
        return file.size() >= Integer.BYTES
                && new ZipDirectory(file, 0).at(0, 4).getInt(0) == LOCAL;
    }

    /**
     * Reads the directory and checks every claim against the file's size.
     *
     * @return the entries by name, in the directory's order
     * @throws BadInputException when the archive is cut short, damaged, or has too many entries
     */
    public static Map<String, ZipEntryPlace> read(ReadableFile file) throws IOException {
        return new ZipDirectory(file, file.size()).entries();
    }

    private record Extent(long offset, long bytes, long entries) {}

    private Map<String, ZipEntryPlace> entries() throws IOException {
        Extent extent = extent();
        ByteBuffer directory = at(extent.offset, (int) extent.bytes);
        Map<String, ZipEntryPlace> entries = new LinkedHashMap<>();
        for (long i = 0; i < extent.entries; i++) {
            if (directory.remaining() < CENTRAL_BYTES
                    || directory.getInt(directory.position()) != CENTRAL) {
                throw bad("its directory ends after " + i + " of " + extent.entries + " entries");
            }
            ZipEntryPlace entry = entry(directory, extent.offset);
            if (entries.put(entry.name(), entry) != null) {
                throw bad("its directory has the entry '" + entry.name() + "' twice");
            }
        }
        return Collections.unmodifiableMap(entries);
    }

    /** Where the directory lies, by the record at the file's end. */
    private Extent extent() throws IOException {
        long end = findEnd();
        ByteBuffer record = at(end, END_BYTES);
        long entries = Short.toUnsignedLong(record.getShort(10));
        long bytes = Integer.toUnsignedLong(record.getInt(12));
        long offset = Integer.toUnsignedLong(record.getInt(16));
        long locator = end - LOCATOR64_BYTES;
        if (locator >= 0 && at(locator, Integer.BYTES).getInt(0) == LOCATOR64) {
            end = at(locator, LOCATOR64_BYTES).getLong(8);
            if (end < 0 || end > locator - END64_BYTES || at(end, 4).getInt(0) != END64) {
                throw bad("its 64-bit end record is not where it should be");
            }
            ByteBuffer wide = at(end, END64_BYTES);
            entries = wide.getLong(32);
            bytes = wide.getLong(40);
            offset = wide.getLong(48);
        }
        if (entries < 0 || entries > MAX_ENTRIES) {
            throw new BadInputException(
                    file.path().toString(),
                    "its directory has "
                            + Long.toUnsignedString(entries)
                            + " entries where at most "
                            + MAX_ENTRIES
                            + " are read",
                    "no model has so many: check where the file comes from");
        }
        if (bytes < 0 || bytes > MAX_DIRECTORY_BYTES || offset < 0 || offset > end - bytes) {
            throw bad("its directory claims to lie outside the file");
        }
        return new Extent(offset, bytes, entries);
    }

    private long findEnd() throws IOException {
        int tail = (int) Math.min(fileBytes, END_BYTES + MAX_COMMENT_BYTES);
        ByteBuffer bytes = at(fileBytes - tail, tail);
        for (int at = tail - END_BYTES; at >= 0; at--) {
            if (bytes.getInt(at) == END
                    && Short.toUnsignedInt(bytes.getShort(at + 20)) == tail - END_BYTES - at) {
                return fileBytes - tail + at;
            }
        }
        throw new BadInputException(
                file.path().toString(),
                "is an archive without its directory: the file is cut short",
                DAMAGED);
    }

    private ZipEntryPlace entry(ByteBuffer directory, long directoryOffset) throws IOException {
        int at = directory.position();
        int flags = directory.getShort(at + 8);
        int method = Short.toUnsignedInt(directory.getShort(at + 10));
        int crc = directory.getInt(at + 16);
        int nameBytes = Short.toUnsignedInt(directory.getShort(at + 28));
        int extraBytes = Short.toUnsignedInt(directory.getShort(at + 30));
        int commentBytes = Short.toUnsignedInt(directory.getShort(at + 32));
        if (directory.remaining() < CENTRAL_BYTES + nameBytes + extraBytes + commentBytes) {
            throw bad("its directory ends within an entry");
        }
        byte[] raw = new byte[nameBytes];
        directory.get(at + CENTRAL_BYTES, raw);
        String name = new String(raw, StandardCharsets.UTF_8);
        Sizes sizes = sizes(directory, at, at + CENTRAL_BYTES + nameBytes, extraBytes, name);
        directory.position(at + CENTRAL_BYTES + nameBytes + extraBytes + commentBytes);
        boolean encrypted = (flags & ENCRYPTED) != 0;
        if (encrypted || method != 0) {
            String how = encrypted ? "encrypted" : "compressed (method " + method + ")";
            return new ZipEntryPlace(name, false, how, 0, sizes.size, crc);
        }
        if (sizes.size != sizes.packed) {
            throw bad(
                    "entry '"
                            + name
                            + "' is stored as it is, yet has two sizes: "
                            + sizes.size
                            + " and "
                            + sizes.packed);
        }
        long data = data(name, raw, sizes.local, directoryOffset);
        if (sizes.size > directoryOffset - data) {
            throw bad(
                    "entry '" + name + "' claims " + sizes.size + " bytes, beyond the file's end");
        }
        return new ZipEntryPlace(name, true, "", data, sizes.size, crc);
    }

    private record Sizes(long size, long packed, long local) {}

    /** The directory's sizes count: those of a local header may follow the data instead. */
    private Sizes sizes(ByteBuffer directory, int at, int extraAt, int extraBytes, String name) {
        long packed = Integer.toUnsignedLong(directory.getInt(at + 20));
        long size = Integer.toUnsignedLong(directory.getInt(at + 24));
        long local = Integer.toUnsignedLong(directory.getInt(at + 42));
        for (int field = extraAt; field + 4 <= extraAt + extraBytes; ) {
            int id = Short.toUnsignedInt(directory.getShort(field));
            int bytes = Short.toUnsignedInt(directory.getShort(field + 2));
            int end = field + 4 + bytes;
            if (end > extraAt + extraBytes) {
                throw bad("entry '" + name + "' has an extra field that ends beyond it");
            }
            if (id == EXTRA64) {
                int next = field + 4;
                if (size == WIDE_MAX && next + Long.BYTES <= end) {
                    size = directory.getLong(next);
                    next += Long.BYTES;
                }
                if (packed == WIDE_MAX && next + Long.BYTES <= end) {
                    packed = directory.getLong(next);
                    next += Long.BYTES;
                }
                if (local == WIDE_MAX && next + Long.BYTES <= end) {
                    local = directory.getLong(next);
                }
            }
            field = end;
        }
        if (size < 0 || packed < 0 || local < 0) {
            throw bad("entry '" + name + "' has a negative size or offset");
        }
        return new Sizes(size, packed, local);
    }

    /** Where an entry's bytes begin: behind a header whose own extra fields only it knows. */
    private long data(String name, byte[] raw, long local, long directoryOffset)
            throws IOException {
        if (local > directoryOffset - LOCAL_BYTES - raw.length) {
            throw bad("entry '" + name + "' claims to begin beyond the file's end");
        }
        ByteBuffer header = at(local, LOCAL_BYTES + raw.length);
        boolean same =
                header.getInt(0) == LOCAL
                        && header.getShort(8) == 0
                        && Short.toUnsignedInt(header.getShort(26)) == raw.length
                        && header.slice(LOCAL_BYTES, raw.length).equals(ByteBuffer.wrap(raw));
        if (!same) {
            throw bad("entry '" + name + "' does not lie where the directory says");
        }
        return local + LOCAL_BYTES + raw.length + Short.toUnsignedInt(header.getShort(28));
    }

    private ByteBuffer at(long position, int bytes) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
        file.read(position, MemorySegment.ofBuffer(buffer));
        return buffer;
    }

    private BadInputException bad(String what) {
        return new BadInputException(file.path().toString(), what, DAMAGED);
    }
}
