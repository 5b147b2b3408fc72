package io.millrace.prefetch;

import io.millrace.memory.nvme.BlockStore;
import io.millrace.memory.nvme.BlockWrite;
import java.lang.foreign.MemorySegment;

/** Where changed blocks are written. */
public interface BlockSink {
    /** Writes one block after another, from one thread at a time. */
    interface Writer extends AutoCloseable {
        /**
         * Writes a block and waits until reads would give it.
         *
         * @param source begins on a page; holds the block
         * @param version the last step folded into it, which the journal holds durably
         */
        void write(int block, MemorySegment source, long version);

        /**
         * Names who hears of every piece that was written; before the first block. Who writes a
         * block in one piece has nothing to tell.
         *
         * @param heard quick, and safe for use from any thread
         */
        default void onProgress(Runnable heard) {
            // One piece: its end is told by write.
        }

        /** Frees buffers; a second call does nothing. */
        @Override
        void close();
    }

    /** A writer; whoever asks owns it. */
    Writer newWriter();

    /** Makes all that was written durable. */
    void sync();

    /** Writes to a store, which outlives this. */
    static BlockSink of(BlockStore store) {
        return new BlockSink() {
            @Override
            public Writer newWriter() {
                BlockWrite write = store.newWrite();
                return new Writer() {
                    @Override
                    public void write(int block, MemorySegment source, long version) {
                        write.start(block, source, version);
                        write.await();
                    }

                    @Override
                    public void onProgress(Runnable heard) {
                        write.onProgress(heard);
                    }

                    @Override
                    public void close() {
                        write.close();
                    }
                };
            }

            @Override
            public void sync() {
                store.sync();
            }
        };
    }

    /** The sink of who changes no block. */
    static BlockSink readOnly() {
        return new BlockSink() {
            @Override
            public Writer newWriter() {
                return new Writer() {
                    @Override
                    public void write(int block, MemorySegment source, long version) {
                        throw new IllegalStateException(
                                "block " + block + " changed where blocks are only read");
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
        };
    }
}
