package io.millrace.telemetry;

/** What one drain of a ring saw of one span, as a number. */
final class SpanSight {
    static final int NOTHING = 0;
    static final int IN_FLIGHT = 1;
    static final int WHOLE = 2;
    static final int TORN = 9;

    static final int BLOCK = 7;
    static final long STEP = 3;
    static final long START_NS = 100;
    static final long END_NS = 200;
    static final long UNTIL_NS = 1000;
    static final long BYTES = 1 << 20;

    private SpanSight() {}

    static SpanRing ring(int capacity) {
        return new SpanRing(Lane.NVME_READ, capacity);
    }

    static SpanLog drain(SpanRing ring) {
        SpanLog log = new SpanLog(8);
        ring.drain(UNTIL_NS, log);
        return log;
    }

    /** Of a log that has one span at most. */
    static int of(SpanLog log) {
        return log.size() == 0 ? NOTHING : log.size() > 1 ? TORN : of(log, 0);
    }

    /** Of one of a log's spans. */
    static int of(SpanLog log, int i) {
        boolean begun =
                log.lane(i) == Lane.NVME_READ
                        && log.block(i) == BLOCK
                        && log.step(i) == STEP
                        && log.startNs(i) == START_NS;
        if (!begun) {
            return TORN;
        }
        if (log.complete(i)) {
            return log.endNs(i) == END_NS && log.bytes(i) == BYTES ? WHOLE : TORN;
        }
        return log.endNs(i) == UNTIL_NS && log.bytes(i) == 0 ? IN_FLIGHT : TORN;
    }

    static int whole(SpanLog log) {
        int count = 0;
        for (int i = 0; i < log.size(); i++) {
            if (of(log, i) == TORN) {
                return TORN;
            }
            count += of(log, i) == WHOLE ? 1 : 0;
        }
        return count;
    }
}
