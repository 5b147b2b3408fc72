package io.millrace.memory.file;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;

/** A file open for writing. For use by one thread. */
public interface DiskFile extends Closeable {
    /**
     * Writes all that a buffer has left.
     *
     * @param bytes from its position to its limit
     * @param position in the file, which grows where that is behind its end
     */
    void write(ByteBuffer bytes, long position) throws IOException;

    /** Cuts the file off behind so many bytes; a shorter one stays as it is. */
    void truncate(long sizeBytes) throws IOException;

    /** Sees all bytes onto the disk. */
    void force() throws IOException;

    /** Lets go of the file; a second call does nothing. */
    @Override
    void close() throws IOException;
}
