package io.millrace.memory.nvme;

import io.millrace.memory.nvme.io.IoFile;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Where pieces of a block come to on their way from files. They are taken one by one, in order;
 * later ones are on their way meanwhile. One block at a time, from one thread.
 */
interface PieceStaging extends AutoCloseable {
    /** A part of a file to be read at once; the last ends with the file, after fewer bytes. */
    record Chunk(IoFile file, long position, int length, int required) {}

    /**
     * A block as it is read.
     *
     * @param first which of all pieces of the model its first is, from 0
     * @param block its index
     * @param version the last step that it holds
     * @param shape what tells it from the same block out of another kind of file
     * @param chunks its pieces
     */
    record Pieces(long first, int block, long version, long shape, List<Chunk> chunks) {}

    /** Names who hears of every piece that has come, on whatever thread. */
    void onProgress(Runnable heard);

    /** Starts to bring pieces; nothing of another block is under way. */
    void begin(Pieces pieces);

    /**
     * Waits for a piece.
     *
     * @param piece the one behind that which was released last
     * @return its bytes, until it is released
     */
    MemorySegment await(int piece);

    /** Gives the memory of a piece back. */
    void release(int piece);

    /**
     * Says that the block is not what it should be: nobody is to take what was passed on of it.
     *
     * @return who brought it beside this reader, for a message; empty where nobody did
     */
    String disown();

    /** Begins the same block anew, without anybody else. */
    void beginAlone();

    /** Waits until nothing is in flight, and forgets the block. */
    void quiesce();

    @Override
    void close();
}
