package io.millrace.executor.place;

import io.millrace.prefetch.BlockSink;
import java.lang.foreign.MemorySegment;

/** The sink of a run that changes no block. */
final class ReadOnlySink implements BlockSink {
    @Override
    public Writer newWriter() {
        return new Writer() {
            @Override
            public void write(int block, MemorySegment source, long version) {
                throw new IllegalStateException("block " + block + " changed in a reading run");
            }

            @Override
            public void close() {
                // Nothing was opened.
            }
        };
    }

    @Override
    public void sync() {
        // Nothing was written.
    }
}
