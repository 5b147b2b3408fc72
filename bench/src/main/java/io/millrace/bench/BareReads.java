package io.millrace.bench;

import io.millrace.memory.Ledger;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.memory.nvme.io.FileIo;
import io.millrace.memory.nvme.io.IoFile;
import io.millrace.memory.nvme.io.IoOptions;
import io.millrace.memory.nvme.io.IoRequest;
import io.millrace.memory.nvme.io.Transfer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.locks.LockSupport;

/** Reads a file past the page cache at a given rate, and throws away what it reads. */
final class BareReads implements AutoCloseable {
    private static final int PIECE = 1 << 20;

    private final FileIo io;
    private final IoFile file;
    private final HostSlab memory;
    private final long pieces;
    private final Thread thread;
    private volatile double bytesPerSecond;
    private volatile boolean closed;

    /** Opens the file; nothing is read until {@link #resume}. */
    BareReads(Path path) throws IOException {
        io = FileIo.open(path.getParent(), IoOptions.defaults());
        file = io.open(path, false);
        memory = new HostMemory(Ledger.unlimited()).allocatePinned("bare reads", PIECE);
        pieces = Files.size(path) / PIECE;
        thread = Thread.ofPlatform().name("bare-reads").start(this::run);
    }

    /** Reads from now on. */
    void resume(double rate) {
        bytesPerSecond = rate;
        LockSupport.unpark(thread);
    }

    /** Reads no more, but for a piece that is on its way. */
    void pause() {
        bytesPerSecond = 0;
    }

    private void run() {
        Transfer transfer = new Transfer(PIECE, 1);
        long piece = 0;
        long next = System.nanoTime();
        while (!closed) {
            double rate = bytesPerSecond;
            if (rate <= 0) {
                LockSupport.park();
                next = System.nanoTime();
                continue;
            }
            transfer.start(
                    file,
                    IoRequest.Op.READ,
                    piece * PIECE,
                    memory.segment(),
                    0,
                    PIECE,
                    PIECE);
            transfer.await();
            piece = (piece + 1) % pieces;
            next += (long) (1e9 * PIECE / rate);
            LockSupport.parkNanos(next - System.nanoTime());
        }
    }

    @Override
    public void close() throws IOException {
        closed = true;
        LockSupport.unpark(thread);
        try {
            thread.join();
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
        }
        file.close();
        io.close();
        memory.close();
    }
}
