package io.millrace.memory.nvme;

import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.memory.nvme.io.IoOptions;
import io.millrace.memory.nvme.io.IoRequest;
import io.millrace.memory.nvme.io.Transfer;
import io.millrace.memory.slice.SliceExchange;
import io.millrace.memory.slice.SliceName;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.TreeSet;
import java.util.concurrent.locks.LockSupport;

/**
 * Pieces that workers of one host bring for each other: each reads those that nobody has begun to
 * read, straight to the memory that all share, and takes all from there. What is not to be had so
 * in time comes by this reader's own way, to memory of its own.
 */
final class SharedPieces implements PieceStaging {
    private static final int NO_LANE = -1;
    private static final long SHORTEST_NAP_NS = 20_000;
    private static final long LONGEST_NAP_NS = 500_000;

    // Others are waited for as long as so many blocks have taken here.
    private static final int PATIENT_BLOCKS = 8;

    private final SliceExchange slices;
    private final int pieceBytes;
    private final Transfer[] lanes;
    private final int[] laneUser; // the piece that a lane is kept for, or -1
    private final Transfer lone; // for one piece that others were to bring
    private final HostSlab own; // a piece for each lane, and one for the last
    private final long[] handles; // of pieces begun, by their number modulo the window
    private final int[] laneOf; // that bring them here, or NO_LANE
    private final TreeSet<Integer> readers = new TreeSet<>(); // others who brought something
    private volatile Runnable heard = () -> {};
    private Pieces pieces;
    private boolean alone;
    private int next; // the piece that is to be taken
    private int ahead; // the first piece that is not begun
    private long beganNs;
    private long waitedNs; // for others, since then
    private long usualNs; // the longest lately from one block to the next, less what was waited

    SharedPieces(SliceExchange slices, IoOptions options, HostMemory memory) {
        if (slices.sliceBytes() != options.pieceBytes()) {
            throw new IllegalArgumentException(
                    "slices of "
                            + slices.sliceBytes()
                            + " bytes and pieces of "
                            + options.pieceBytes());
        }
        this.slices = slices;
        pieceBytes = options.pieceBytes();
        lanes = new Transfer[options.depth()];
        for (int i = 0; i < lanes.length; i++) {
            lanes[i] = new Transfer(pieceBytes, 1);
        }
        laneUser = new int[lanes.length];
        Arrays.fill(laneUser, -1);
        lone = new Transfer(pieceBytes, 1);
        handles = new long[slices.holds()];
        laneOf = new int[handles.length];
        own = memory.allocatePinned("read staging", bufferBytes(options));
    }

    /** Host memory that one takes beside what is shared. */
    static long bufferBytes(IoOptions options) {
        return options.stagingBytes() + options.pieceBytes();
    }

    @Override
    public void onProgress(Runnable hears) {
        heard = hears;
        for (Transfer lane : lanes) {
            lane.onProgress(hears);
        }
        lone.onProgress(hears);
    }

    @Override
    public void begin(Pieces wanted) {
        long nowNs = System.nanoTime();
        if (beganNs != 0) {
            long tookNs = nowNs - beganNs - waitedNs;
            usualNs = Math.max(tookNs, usualNs - usualNs / PATIENT_BLOCKS);
        }
        beganNs = nowNs;
        waitedNs = 0;
        begin(wanted, false);
    }

    private void begin(Pieces wanted, boolean forItself) {
        pieces = wanted;
        alone = forItself;
        next = 0;
        ahead = 0;
        readers.clear();
        advance();
    }

    private int count() {
        return pieces.chunks().size();
    }

    private boolean shares() {
        return !alone && slices.attends();
    }

    /** Begins pieces as far as there is room for them. */
    private void advance() {
        publish();
        boolean room = true;
        while (room && ahead < Math.min(count(), next + handles.length)) {
            room = shares() ? share(ahead) : readToOwn(ahead);
            ahead += room ? 1 : 0;
        }
    }

    private boolean share(int piece) {
        SliceName name = name(piece);
        int lane = NO_LANE;
        long handle = slices.join(name);
        if (handle == SliceExchange.NONE) {
            lane = freeLane();
            handle = lane == NO_LANE ? SliceExchange.NONE : slices.claim(name);
            if (handle == SliceExchange.NONE) {
                return false;
            }
        }
        keep(piece, handle, lane);
        if (lane != NO_LANE) {
            start(lanes[lane], piece, slices.memory(handle), 0);
        }
        return true;
    }

    private boolean readToOwn(int piece) {
        int lane = freeLane();
        if (lane == NO_LANE) {
            return false;
        }
        keep(piece, SliceExchange.NONE, lane);
        start(lanes[lane], piece, own.segment(), (long) lane * pieceBytes);
        return true;
    }

    private SliceName name(int piece) {
        return new SliceName(
                pieces.first() + piece,
                pieces.block(),
                pieces.version(),
                pieces.shape(),
                pieces.chunks().get(piece).length());
    }

    private int freeLane() {
        for (int lane = 0; lane < lanes.length; lane++) {
            if (laneUser[lane] < 0) {
                return lane;
            }
        }
        return NO_LANE;
    }

    private void keep(int piece, long handle, int lane) {
        handles[piece % handles.length] = handle;
        laneOf[piece % handles.length] = lane;
        if (lane != NO_LANE) {
            laneUser[lane] = piece;
        }
    }

    private void start(Transfer transfer, int piece, MemorySegment memory, long offset) {
        Chunk chunk = pieces.chunks().get(piece);
        transfer.start(
                chunk.file(),
                IoRequest.Op.READ,
                chunk.position(),
                memory,
                offset,
                chunk.length(),
                chunk.required());
    }

    /** Tells the others of what has come here for them. */
    private void publish() {
        for (int lane = 0; lane < lanes.length; lane++) {
            int piece = laneUser[lane];
            long handle = piece < 0 ? SliceExchange.NONE : handles[piece % handles.length];
            if (handle == SliceExchange.NONE || lanes[lane].isUnderWay()) {
                continue;
            }
            if (lanes[lane].hasFailed()) {
                slices.giveUp(handle); // and this reader hears of it when it takes the piece
            } else {
                slices.publish(handle);
                laneUser[lane] = -1;
                laneOf[piece % handles.length] = NO_LANE;
                slices.came(pieces.chunks().get(piece).required(), true);
            }
        }
    }

    @Override
    public MemorySegment await(int piece) {
        next = piece;
        long sinceNs = System.nanoTime();
        long napNs = SHORTEST_NAP_NS;
        while (true) {
            advance();
            if (ahead > piece && laneOf[piece % handles.length] != NO_LANE) {
                MemorySegment read = awaitLane(piece);
                if (read != null) {
                    return read;
                }
            } else {
                long nowNs = System.nanoTime();
                boolean begun = ahead > piece;
                long handle = begun ? handles[piece % handles.length] : SliceExchange.NONE;
                SliceExchange.State state =
                        begun ? slices.state(handle) : SliceExchange.State.COMING;
                if (state == SliceExchange.State.HERE) {
                    return shared(piece, handle);
                }
                if (state == SliceExchange.State.GONE || !mayCome(piece, handle, nowNs - sinceNs)) {
                    return readAlone(piece);
                }
                heard.run(); // waiting for a worker that goes on is no stall
                LockSupport.parkNanos(napNs);
                waitedNs += System.nanoTime() - nowNs;
                napNs = Math.min(napNs * 2, LONGEST_NAP_NS);
            }
        }
    }

    /** Waits for what this reader brings; null where it has come to the memory that all share. */
    private MemorySegment awaitLane(int piece) {
        int lane = laneOf[piece % handles.length];
        lanes[lane].await();
        if (handles[piece % handles.length] != SliceExchange.NONE) {
            publish();
            return null;
        }
        slices.came(pieces.chunks().get(piece).required(), true);
        return own.segment().asSlice((long) lane * pieceBytes, pieceBytes);
    }

    private boolean mayCome(int piece, long handle, long soFarNs) {
        if (!shares() || Thread.currentThread().isInterrupted()) {
            return false;
        }
        return handle == SliceExchange.NONE
                ? slices.mayBeFree(name(piece), soFarNs, PATIENT_BLOCKS * usualNs)
                : slices.mayCome(handle, soFarNs);
    }

    private MemorySegment shared(int piece, long handle) {
        int reader = slices.reader(handle);
        if (reader != slices.rank()) {
            readers.add(reader);
            slices.came(pieces.chunks().get(piece).required(), false);
        }
        return slices.memory(handle);
    }

    /** Brings a piece that others do not, or do not make room for. */
    private MemorySegment readAlone(int piece) {
        if (ahead > piece) {
            slices.release(handles[piece % handles.length]);
        } else {
            ahead = piece + 1;
        }
        keep(piece, SliceExchange.NONE, NO_LANE);
        long at = (long) lanes.length * pieceBytes;
        start(lone, piece, own.segment(), at);
        lone.await();
        slices.came(pieces.chunks().get(piece).required(), true);
        return own.segment().asSlice(at, pieceBytes);
    }

    @Override
    public void release(int piece) {
        int lane = laneOf[piece % handles.length];
        if (lane != NO_LANE) {
            laneUser[lane] = -1;
        }
        if (handles[piece % handles.length] != SliceExchange.NONE) {
            slices.release(handles[piece % handles.length]);
        }
        next = piece + 1;
        advance();
    }

    @Override
    public String disown() {
        for (int piece = 0; piece < count(); piece++) {
            slices.forget(name(piece));
        }
        return readers.isEmpty() ? "" : ", of which " + said() + " read slices that were passed on";
    }

    @Override
    public void beginAlone() {
        begin(pieces, true);
    }

    private String said() {
        StringBuilder words = new StringBuilder();
        for (int rank : readers) {
            words.append(words.isEmpty() ? "worker " : " and worker ").append(rank);
        }
        return words.toString();
    }

    @Override
    public void quiesce() {
        for (Transfer lane : lanes) {
            lane.quiesce();
        }
        lone.quiesce();
        if (pieces == null) {
            return;
        }
        publish();
        for (int piece = next; piece < ahead; piece++) {
            if (handles[piece % handles.length] != SliceExchange.NONE) {
                slices.release(handles[piece % handles.length]);
            }
        }
        Arrays.fill(laneUser, -1);
        pieces = null;
    }

    @Override
    public void close() {
        quiesce();
        own.close();
    }
}
