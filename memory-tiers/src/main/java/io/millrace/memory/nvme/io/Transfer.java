package io.millrace.memory.nvme.io;

import io.millrace.memory.Errno;
import io.millrace.memory.host.HostMemory;
import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Moves a range of any length between a file and memory: cut in pieces, several in flight, short
 * ones continued. Made once and started again and again; one thread starts and awaits it.
 */
public final class Transfer implements IoRequest.Completion {
    private static final System.Logger LOG = System.getLogger(Transfer.class.getName());

    // A read that fails once may be a passing fault of the link. A failed write is never repeated:
    // after it nobody knows what the drive holds.
    private static final int READ_RETRIES = 2;
    private static final int BUSY_RETRIES = 1000;
    private static final int STEEPEST_BACK_OFF = 9; // doublings: from 20 us to 10 ms
    private static final long FIRST_BACK_OFF_NS = 20_000;
    private static final int STALLS = 3;

    // Each request leaves some garbage in Netty: a block's visit is kept to few requests.
    private static final int MOST_PIECES = 16;
    private static final int LARGEST_PIECE = 64 << 20;

    private final int leastPieceBytes;
    private final Lane[] lanes;

    private IoFile file;
    private IoRequest.Op op = IoRequest.Op.READ;
    private long position;
    private MemorySegment memory = MemorySegment.NULL;
    private long memoryOffset;
    private long length;
    private int pieceBytes;
    private long required; // a read's last piece may end with the file, after these bytes
    private int pieceCount;
    private int nextPiece;
    private int prefixPieces;
    private boolean[] pieceDone = new boolean[16];
    private int inFlight;
    private RuntimeException failure;
    private long retryCount;
    private volatile Runnable progress = () -> {};

    /** One of the requests in flight, and the piece that it works on. */
    private static final class Lane {
        private final IoRequest request;
        private int piece;
        private int doneBytes;
        private int tries;
        private int stalls;
        private int busy; // answers in a row that the system had no room for the request

        Lane(IoRequest.Completion completion) {
            request = new IoRequest(completion);
        }
    }

    public Transfer(int leastPieceBytes, int depth) {
        this.leastPieceBytes = leastPieceBytes;
        lanes = new Lane[depth];
        for (int i = 0; i < depth; i++) {
            lanes[i] = new Lane(this);
        }
    }

    /** Names who hears of every request that has moved bytes. */
    public void onProgress(Runnable heard) {
        progress = heard;
    }

    /**
     * Starts moving bytes.
     *
     * @param length bytes to ask for; a multiple of the file's alignment, as is the position
     * @param required bytes that must come: fewer than asked for only where the file ends
     */
    public void start(
            IoFile target,
            IoRequest.Op operation,
            long filePosition,
            MemorySegment segment,
            long segmentOffset,
            long length,
            long required) {
        int starting;
        synchronized (this) {
            if (inFlight > 0) {
                throw new IllegalStateException("the transfer is under way");
            }
            file = target;
            op = operation;
            position = filePosition;
            memory = segment;
            memoryOffset = segmentOffset;
            this.length = length;
            this.required = required;
            pieceBytes = pieceFor(length);
            pieceCount = Math.toIntExact((length + pieceBytes - 1) / pieceBytes);
            nextPiece = 0;
            prefixPieces = 0;
            failure = null;
            if (pieceDone.length < pieceCount) {
                pieceDone = new boolean[pieceCount];
            }
            Arrays.fill(pieceDone, 0, pieceCount, false);
            starting = Math.min(lanes.length, pieceCount);
            inFlight = starting;
            for (int i = 0; i < starting; i++) {
                take(lanes[i]);
            }
        }
        for (int i = 0; i < starting; i++) {
            send(lanes[i]);
        }
    }

    private int pieceFor(long bytes) {
        long share = HostMemory.pageBytes((bytes + MOST_PIECES - 1) / MOST_PIECES);
        return (int) Math.max(leastPieceBytes, Math.min(share, LARGEST_PIECE));
    }

    /** Waits until the first bytes of the range have come; throws what stopped them. */
    synchronized void awaitPrefix(long bytes) {
        int pieces = Math.toIntExact((bytes + pieceBytes - 1) / pieceBytes);
        boolean interrupted = false;
        while (failure == null ? prefixPieces < pieces : inFlight > 0) {
            try {
                wait();
            } catch (InterruptedException e) {
                interrupted = true; // the kernel still uses the memory
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (failure != null) {
            throw failure;
        }
    }

    /** Waits for the whole range; throws what stopped it, after the last piece has ended. */
    public synchronized void await() {
        awaitPrefix(length);
        // The last completion counts its piece and leaves the count of lanes at zero.
        assert inFlight == 0;
    }

    /** Whether something is in flight. */
    public synchronized boolean isUnderWay() {
        return inFlight > 0;
    }

    /** Whether what was started last has been stopped by something that {@link #await} throws. */
    public synchronized boolean hasFailed() {
        return failure != null;
    }

    /** Waits until nothing is in flight, without asking how it went. */
    public synchronized void quiesce() {
        boolean interrupted = false;
        while (inFlight > 0) {
            try {
                wait();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Requests sent again after a passing failure, over the life of this object. */
    synchronized long retryCount() {
        return retryCount;
    }

    @Override
    public void completed(IoRequest request) {
        if (request.result() > 0) {
            progress.run();
        }
        Lane lane = laneOf(request);
        boolean again;
        synchronized (this) {
            again = failure == null && advance(lane);
            if (!again) {
                inFlight--;
                notifyAll();
            }
        }
        if (again) {
            sendAgain(lane);
        }
    }

    /** A system without room gets time to make some; the thread that brings completions none. */
    private void sendAgain(Lane lane) {
        if (lane.busy == 0) {
            send(lane);
            return;
        }
        long waitNs = FIRST_BACK_OFF_NS << Math.min(lane.busy - 1, STEEPEST_BACK_OFF);
        CompletableFuture.delayedExecutor(waitNs, TimeUnit.NANOSECONDS, Runnable::run)
                .execute(() -> send(lane));
    }

    /** Books a result; whether the lane has more to do. */
    private boolean advance(Lane lane) {
        int result = lane.request.result();
        if (result < 0) {
            return retry(lane, -result);
        }
        lane.busy = 0;
        int asked = pieceLength(lane.piece);
        int needed = (int) Math.min(asked, required - (long) lane.piece * pieceBytes);
        lane.doneBytes += result;
        if (lane.doneBytes >= needed) {
            pieceDone[lane.piece] = true;
            while (prefixPieces < pieceCount && pieceDone[prefixPieces]) {
                prefixPieces++;
            }
            notifyAll();
            if (nextPiece == pieceCount) {
                return false;
            }
            take(lane);
            return true;
        }
        // A short transfer goes on where it stopped, or at the aligned place before.
        lane.doneBytes -= lane.doneBytes % file.alignment();
        boolean stalled = result < file.alignment();
        lane.stalls = stalled ? lane.stalls + 1 : 0;
        if (result == 0 || lane.stalls > STALLS) {
            failure = IoFailure.ended(lane.request, file.path());
            return false;
        }
        return true;
    }

    private boolean retry(Lane lane, int errno) {
        boolean busy = errno == Errno.EINTR.code() || errno == Errno.EAGAIN.code();
        boolean readFault = op == IoRequest.Op.READ && errno == Errno.EIO.code();
        int allowed = busy ? BUSY_RETRIES : readFault ? READ_RETRIES : 0;
        if (lane.tries++ >= allowed) {
            failure = IoFailure.of(lane.request, file.path());
            return false;
        }
        retryCount++;
        lane.busy = errno == Errno.EAGAIN.code() ? lane.busy + 1 : 0;
        if (!busy) {
            LOG.log(
                    Level.WARNING,
                    lane.request.describe(file.path())
                            + " failed ("
                            + Errno.describe(errno)
                            + "), trying again");
        }
        return true;
    }

    private void take(Lane lane) {
        lane.piece = nextPiece++;
        lane.doneBytes = 0;
        lane.tries = 0;
        lane.stalls = 0;
        lane.busy = 0;
    }

    private int pieceLength(int piece) {
        return (int) Math.min(pieceBytes, length - (long) piece * pieceBytes);
    }

    private void send(Lane lane) {
        long offset = (long) lane.piece * pieceBytes + lane.doneBytes;
        lane.request.prepare(
                op,
                position + offset,
                memory,
                memoryOffset + offset,
                pieceLength(lane.piece) - lane.doneBytes);
        try {
            file.submit(lane.request);
        } catch (
                RuntimeException e) { // a misaligned request, a closed file: the waiter hears of it
            synchronized (this) {
                failure = failure == null ? e : failure;
                inFlight--;
                notifyAll();
            }
        }
    }

    private Lane laneOf(IoRequest request) {
        for (Lane lane : lanes) {
            if (lane.request == request) {
                return lane;
            }
        }
        throw new IllegalStateException("a completion of someone else's request");
    }
}
