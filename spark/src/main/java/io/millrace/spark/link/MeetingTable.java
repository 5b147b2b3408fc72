package io.millrace.spark.link;

import io.millrace.executor.peer.PeerLostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Where worker 0 hears the guests. Frames come from threads of the network, which never wait here;
 * {@link #meet} is worker 0's run. The first loss is the only one: all who sit at the table hear of
 * it, and nothing is said afterwards.
 */
final class MeetingTable {
    /** The way to one guest; called with the table's lock held, so never by two at once. */
    interface Line {
        void send(byte[] frame);

        /** Nothing more is sent. */
        void end();
    }

    private static final class Seat {
        private final int rank;
        private String address = "";
        private Line line;
        private Words said;
        private long heardNs;
        private boolean left;

        Seat(int rank) {
            this.rank = rank;
        }

        String name() {
            return "worker " + rank + (address.isEmpty() ? "" : " (" + address + ")");
        }
    }

    private final JobTerms terms;
    private final long openedNs = System.nanoTime();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final List<Seat> seats = new ArrayList<>();
    private PeerLostException loss;

    MeetingTable(JobTerms terms) {
        this.terms = terms;
        for (int rank = 1; rank < terms.size(); rank++) {
            seats.add(new Seat(rank));
        }
    }

    /**
     * A guest takes its seat.
     *
     * @return why it may not; null where it may
     */
    String seat(int rank, String address, Line line) {
        lock.lock();
        try {
            if (rank < 1 || rank >= terms.size()) {
                return "there is no worker " + rank + " among " + terms.size();
            }
            Seat seat = seats.get(rank - 1);
            if (seat.line != null || seat.left) {
                return "there is a worker " + rank + " already, " + seat.address;
            }
            if (loss != null) {
                return loss.getMessage();
            }
            seat.address = address;
            seat.line = line;
            seat.heardNs = System.nanoTime();
            line.send(LinkFrame.encode(new LinkFrame.Welcome()));
            changed.signalAll();
            return null;
        } finally {
            lock.unlock();
        }
    }

    /** A guest has sent something. */
    void hear(int rank, LinkFrame frame) {
        lock.lock();
        try {
            Seat seat = seats.get(rank - 1);
            seat.heardNs = System.nanoTime();
            switch (frame) {
                case LinkFrame.Pulse _ -> {}
                case LinkFrame.Said said -> {
                    if (seat.said != null) {
                        lose(seat, "speaks twice, of " + seat.said + " and " + said.words(), null);
                    }
                    seat.said = said.words();
                    changed.signalAll();
                }
                case LinkFrame.Lost lost ->
                        lose(new PeerLostException(rank, named(seat, lost.message()), null));
                case LinkFrame.Leave _ -> {
                    seat.left = true;
                    seat.line.end();
                    seat.line = null;
                    changed.signalAll();
                }
                case LinkFrame.Welcome _, LinkFrame.Answer _ ->
                        lose(seat, "sends what worker 0 alone may send", null);
            }
        } finally {
            lock.unlock();
        }
    }

    private static String named(Seat seat, String message) {
        return message.startsWith("worker ") ? message : seat.name() + ": " + message;
    }

    /** The stream of a guest has ended without a word. */
    void broken(int rank, String what, Throwable cause) {
        lock.lock();
        try {
            Seat seat = seats.get(rank - 1);
            if (!seat.left) {
                lose(seat, what, cause);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Worker 0 itself can go no further. */
    void fail(String message) {
        lock.lock();
        try {
            lose(new PeerLostException(0, message, null));
        } finally {
            lock.unlock();
        }
    }

    /** Says to all guests that worker 0 is there, and looks who is not. */
    void pulse() {
        byte[] pulse = LinkFrame.encode(new LinkFrame.Pulse());
        lock.lock();
        try {
            for (Seat seat : seats) {
                if (seat.line != null) {
                    seat.line.send(pulse);
                }
            }
            loseTheSilent();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Worker 0's words, and then everybody's.
     *
     * @throws PeerLostException once one is lost
     */
    List<byte[]> meet(Words mine) {
        long beganNs = System.nanoTime();
        lock.lock();
        try {
            while (true) {
                if (loss != null) {
                    throw loss;
                }
                if (areAllHeard(mine, beganNs)) {
                    return answer(mine);
                }
                changed.awaitNanos(terms.pulse().toNanos());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new PeerLostException(0, "worker 0 was interrupted at " + mine, e);
        } finally {
            lock.unlock();
        }
    }

    private boolean areAllHeard(Words mine, long beganNs) {
        boolean all = true;
        for (Seat seat : seats) {
            if (seat.left && seat.said == null) {
                lose(seat, "has ended its run before " + mine, null);
            } else if (seat.said == null) {
                all = false;
                Duration waited = since(beganNs);
                if (waited.compareTo(terms.patience()) > 0) {
                    lose(seat, "was waited for " + seconds(terms.patience()) + " at " + mine, null);
                }
            } else if (!seat.said.fits(mine)) {
                lose(seat, "is at " + seat.said + " while worker 0 is at " + mine, null);
            }
            if (loss != null) {
                throw loss;
            }
        }
        return all;
    }

    private void loseTheSilent() {
        for (Seat seat : seats) {
            boolean awaited = seat.line == null && !seat.left;
            Duration silent = since(awaited ? openedNs : seat.heardNs);
            if (seat.left || loss != null) {
                continue;
            }
            if (awaited && silent.compareTo(terms.arrival()) > 0) {
                lose(seat, "has not come in " + seconds(terms.arrival()), null);
            } else if (!awaited && silent.compareTo(terms.silence()) > 0) {
                lose(seat, "was silent for " + seconds(terms.silence()), null);
            }
        }
    }

    private List<byte[]> answer(Words mine) {
        List<byte[]> all = new ArrayList<>();
        all.add(mine.bytes());
        for (Seat seat : seats) {
            all.add(seat.said.bytes());
            seat.said = null;
        }
        byte[] frame = LinkFrame.encode(new LinkFrame.Answer(mine.call(), all));
        for (Seat seat : seats) {
            if (seat.line != null) {
                seat.line.send(frame);
            }
        }
        return all;
    }

    private void lose(Seat seat, String what, Throwable cause) {
        lose(new PeerLostException(seat.rank, seat.name() + " " + what, cause));
    }

    /** The first loss counts; the one who is lost may hear of it, too. */
    private void lose(PeerLostException lost) {
        if (loss != null) {
            return;
        }
        loss = lost;
        byte[] frame = LinkFrame.encode(new LinkFrame.Lost(lost.rank(), lost.getMessage()));
        for (Seat seat : seats) {
            if (seat.line != null) {
                seat.line.send(frame);
                seat.line.end();
                seat.line = null;
            }
        }
        changed.signalAll();
    }

    /** Waits for all guests to have gone, so that the last answer reached them. */
    void awaitEmpty(Duration most) throws InterruptedException {
        long deadlineNs = System.nanoTime() + most.toNanos();
        lock.lock();
        try {
            while (loss == null && seats.stream().anyMatch(seat -> seat.line != null)) {
                if (changed.awaitNanos(deadlineNs - System.nanoTime()) <= 0) {
                    return;
                }
            }
        } finally {
            lock.unlock();
        }
    }

    private static Duration since(long beganNs) {
        return Duration.ofNanos(System.nanoTime() - beganNs);
    }

    static String seconds(Duration duration) {
        return duration.toMillis() / (double) TimeUnit.SECONDS.toMillis(1) + " s";
    }
}
