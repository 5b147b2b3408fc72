package io.millrace.memory.slice;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.millrace.memory.ByteSize;
import io.millrace.memory.Ledger;
import io.millrace.memory.Tier;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;

/**
 * Slices in memory that workers of one host have mapped. A slice has one place, its number modulo
 * the places, so that nobody searches and no two read the same. What is in a place may be replaced
 * once everybody who takes part has had it; who is waited for too long is waited for no more until
 * its next pass, and then reads for itself what it missed.
 */
public final class SliceRing implements SliceExchange {
    private static final System.Logger LOG = System.getLogger(SliceRing.class.getName());

    /** As long as nothing may be heard of a worker elsewhere. */
    static final Duration SILENCE = Duration.ofSeconds(20);

    // Of the silence: who is late is waited for so long at least.
    private static final int LEAST_PATIENCE = 10;

    private static final long LOOK_NS = 50_000_000; // how often a process is looked for
    private static final VarHandle WORD = JAVA_LONG.varHandle();
    private static final long ATTENDING_AT = 0;
    private static final long BLOCK_AT = 8;
    private static final long NUMBER_AT = 16;
    private static final long VERSION_AT = 24;
    private static final long SHAPE_AT = 32;
    private static final long LENGTH_AT = 40;

    private final SharedFile file;
    private final MemorySegment shared;
    private final RingShape shape;
    private final int me;
    private final List<Integer> ranks;
    private final Ledger ledger;
    private final long silenceNs;
    private volatile boolean attends;
    private final AtomicLong driveBytes = new AtomicLong();
    private final AtomicLong peerBytes = new AtomicLong();
    private long lost; // members that are waited for no more; the reader's own
    private long lookedNs;
    private boolean closed;

    /**
     * Who shares a ring, as one of them sees it.
     *
     * @param me which of them this worker is, from 0
     * @param ranks of all in the run, in order
     * @param ledger charged for this worker's part of the memory
     * @param silence how long one may hold a place without going on
     */
    public record Members(int me, List<Integer> ranks, Ledger ledger, Duration silence) {
        /** Freezes the list. */
        public Members {
            ranks = List.copyOf(ranks);
        }

        /** With the usual silence. */
        public Members(int me, List<Integer> ranks, Ledger ledger) {
            this(me, ranks, ledger, SILENCE);
        }
    }

    private SliceRing(SharedFile file, RingShape shape, Members members) {
        this.file = file;
        this.shape = shape;
        shared = file.bytes();
        me = members.me;
        ranks = members.ranks;
        ledger = members.ledger;
        silenceNs = members.silence.toNanos();
        try {
            ledger.reserve(Tier.HOST, "slices shared with other workers", shape.bytesEach());
        } catch (RuntimeException | Error e) {
            file.close();
            throw e;
        }
        shared.set(JAVA_LONG, RingShape.pidAt(me), ProcessHandle.current().pid());
    }

    /**
     * Makes the memory, for others to map.
     *
     * @param folder of a file system in memory
     * @throws IOException where there is none, or no room in it
     */
    public static SliceRing create(Path folder, RingShape shape, Members members)
            throws IOException {
        SharedFile file = SharedFile.create(folder, shape.bytes());
        try {
            return new SliceRing(file, shape, members);
        } catch (RuntimeException | Error e) {
            file.unlink();
            throw e;
        }
    }

    /**
     * Maps what another worker has made.
     *
     * @throws IOException where it cannot be reached
     */
    public static SliceRing open(Path path, RingShape shape, Members members) throws IOException {
        return new SliceRing(SharedFile.open(path, shape.bytes()), shape, members);
    }

    /** Where others find it, until {@link #unlink}. */
    public Path path() {
        return file.path();
    }

    /** Takes its name away once all have mapped it: a kill then leaves nothing. */
    public void unlink() throws IOException {
        file.unlink();
    }

    @Override
    public int sliceBytes() {
        return shape.sliceBytes();
    }

    /** Half of the places: the other half is for those who are behind or ahead. */
    @Override
    public int holds() {
        return shape.places() / 2;
    }

    @Override
    public void attend() {
        attends = true;
        WORD.getAndBitwiseOr(shared, ATTENDING_AT, 1L << me);
    }

    @Override
    public void leave() {
        attends = false;
        if (!closed) {
            WORD.getAndBitwiseAnd(shared, ATTENDING_AT, ~(1L << me));
        }
    }

    @Override
    public boolean attends() {
        return attends;
    }

    private int place(SliceName name) {
        return (int) (name.number() % shape.places());
    }

    private long word(int place) {
        return (long) WORD.getAcquire(shared, RingShape.lineAt(place));
    }

    private boolean change(int place, long from, long to) {
        return WORD.compareAndSet(shared, RingShape.lineAt(place), from, to);
    }

    private long handle(int place, long word) {
        return SliceWord.ticket(word) << Integer.SIZE | place;
    }

    private static int placeOf(long handle) {
        return (int) handle;
    }

    private static boolean isOf(long word, long handle) {
        return SliceWord.ticket(word) == handle >>> Integer.SIZE;
    }

    /** Whether a place has a slice of that name; counts only while its word stays. */
    private boolean isNamed(int place, SliceName name) {
        long line = RingShape.lineAt(place);
        return shared.get(JAVA_LONG, line + NUMBER_AT) == name.number()
                && shared.get(JAVA_LONG, line + BLOCK_AT) == name.block()
                && shared.get(JAVA_LONG, line + VERSION_AT) == name.version()
                && shared.get(JAVA_LONG, line + SHAPE_AT) == name.shape()
                && shared.get(JAVA_INT, line + LENGTH_AT) == name.length();
    }

    private void name(int place, SliceName name) {
        long line = RingShape.lineAt(place);
        shared.set(JAVA_LONG, line + NUMBER_AT, name.number());
        shared.set(JAVA_LONG, line + BLOCK_AT, name.block());
        shared.set(JAVA_LONG, line + VERSION_AT, name.version());
        shared.set(JAVA_LONG, line + SHAPE_AT, name.shape());
        shared.set(JAVA_INT, line + LENGTH_AT, name.length());
    }

    @Override
    public long join(SliceName name) {
        int place = place(name);
        while (true) {
            long word = word(place);
            int stage = SliceWord.stage(word);
            boolean there = stage == SliceWord.COMING || stage == SliceWord.HERE;
            if (!there || !isNamed(place, name)) {
                return NONE;
            }
            if (change(place, word, SliceWord.held(word, me))) {
                return handle(place, word);
            }
        }
    }

    @Override
    public long claim(SliceName name) {
        int place = place(name);
        long word = word(place);
        int stage = SliceWord.stage(word);
        boolean idle = stage == SliceWord.FREE || stage == SliceWord.HERE;
        if (!idle || SliceWord.holders(word) != 0 || lagging(word) != 0) {
            return NONE;
        }
        long claimed = SliceWord.claimed(word, me);
        if (!change(place, word, claimed)) {
            return NONE;
        }
        name(place, name);
        // Released: who sees that it is coming sees its name.
        WORD.setRelease(shared, RingShape.lineAt(place), SliceWord.at(claimed, SliceWord.COMING));
        return handle(place, claimed);
    }

    /** Others who take part and have not had what is in a place. */
    private long lagging(long word) {
        if (SliceWord.stage(word) == SliceWord.FREE) {
            return 0;
        }
        long attending = (long) WORD.getAcquire(shared, ATTENDING_AT);
        return attending & ~SliceWord.takers(word) & ~(1L << me) & ~lost;
    }

    @Override
    public MemorySegment memory(long handle) {
        return shared.asSlice(shape.memoryAt(placeOf(handle)), shape.sliceBytes());
    }

    @Override
    public State state(long handle) {
        long word = word(placeOf(handle));
        if (!isOf(word, handle)) {
            return State.GONE;
        }
        return switch (SliceWord.stage(word)) {
            case SliceWord.HERE -> State.HERE;
            case SliceWord.FREE -> State.GONE;
            default -> State.COMING;
        };
    }

    @Override
    public int reader(long handle) {
        return ranks.get(SliceWord.reader(word(placeOf(handle))));
    }

    @Override
    public void publish(long handle) {
        while (true) {
            long word = word(placeOf(handle));
            if (change(placeOf(handle), word, SliceWord.at(word, SliceWord.HERE))) {
                return;
            }
        }
    }

    @Override
    public void giveUp(long handle) {
        while (true) {
            long word = word(placeOf(handle));
            boolean coming = SliceWord.stage(word) == SliceWord.COMING;
            if (!isOf(word, handle)
                    || !coming
                    || change(placeOf(handle), word, SliceWord.free(word))) {
                return;
            }
        }
    }

    @Override
    public void release(long handle) {
        while (true) {
            long word = word(placeOf(handle));
            boolean gone = !isOf(word, handle) || SliceWord.stage(word) == SliceWord.FREE;
            if (gone || change(placeOf(handle), word, SliceWord.taken(word, me))) {
                return;
            }
        }
    }

    @Override
    public void forget(SliceName name) {
        int place = place(name);
        long word = word(place);
        if (SliceWord.stage(word) == SliceWord.HERE
                && SliceWord.holders(word) == 0
                && isNamed(place, name)) {
            change(place, word, SliceWord.free(word));
        }
    }

    @Override
    public boolean mayCome(long handle, long waitedNs) {
        long word = word(placeOf(handle));
        return !isOf(word, handle) || mayGoOn(1L << SliceWord.reader(word), waitedNs);
    }

    @Override
    public boolean mayBeFree(SliceName name, long waitedNs, long patienceNs) {
        long word = word(place(name));
        long busy = SliceWord.holders(word) & ~(1L << me);
        if (busy != 0) {
            return mayGoOn(busy, waitedNs);
        }
        long lagging = lagging(word);
        long least = Math.max(patienceNs, silenceNs / LEAST_PATIENCE);
        long out = waitedNs >= least ? lagging : ended(lagging);
        if (out != 0) {
            WORD.getAndBitwiseAnd(shared, ATTENDING_AT, ~out);
        }
        return true;
    }

    /** Whether all of some members may still do something; those who do not are lost. */
    private boolean mayGoOn(long members, long waitedNs) {
        long over = waitedNs >= silenceNs ? members : ended(members);
        long news = over & ~lost;
        lost |= over;
        if (news != 0) {
            LOG.log(
                    Level.WARNING,
                    "worker {0} does not pass on a slice that it began; this worker reads for itself"
                            + " what it holds",
                    rank(news));
        }
        return (members & lost) == 0;
    }

    /** Members whose processes are there no more; looked for now and then. */
    private long ended(long members) {
        long nowNs = System.nanoTime();
        if (members == 0 || nowNs - lookedNs < LOOK_NS) {
            return 0;
        }
        lookedNs = nowNs;
        long ended = 0;
        for (int member = 0; member < ranks.size(); member++) {
            long pid = shared.get(JAVA_LONG, RingShape.pidAt(member));
            boolean there = pid != 0 && ProcessHandle.of(pid).isPresent();
            ended |= there ? 0 : members & 1L << member;
        }
        return ended;
    }

    private int rank(long members) {
        return ranks.get(Long.numberOfTrailingZeros(members));
    }

    @Override
    public void came(long bytes, boolean fromDrive) {
        (fromDrive ? driveBytes : peerBytes).addAndGet(bytes);
    }

    @Override
    public SliceBytes bytes() {
        return new SliceBytes(driveBytes.get(), peerBytes.get());
    }

    /** How many workers share it. */
    public int sharers() {
        return ranks.size();
    }

    /** The others and what all share, for people. */
    public String describe() {
        String others =
                ranks.stream()
                        .filter(rank -> rank != rank())
                        .map(rank -> "worker " + rank)
                        .collect(Collectors.joining(" and "));
        return others + " (" + ByteSize.format(shape.bytes()) + " shared)";
    }

    @Override
    public int rank() {
        return ranks.get(me);
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        leave();
        closed = true;
        file.close();
        ledger.release(Tier.HOST, shape.bytesEach());
    }
}
