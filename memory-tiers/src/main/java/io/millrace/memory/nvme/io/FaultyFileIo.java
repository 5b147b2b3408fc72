package io.millrace.memory.nvme.io;

import io.millrace.memory.Errno;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * A drive with faults, for tests and rehearsals: it wraps any other, and the plan may change while
 * it runs. Owns the drive that it wraps.
 */
public final class FaultyFileIo implements FileIo {
    private final FileIo inner;
    private final ScheduledThreadPoolExecutor delays = new ScheduledThreadPoolExecutor(1);
    private SplittableRandom random;
    private FaultPlan plan;
    private long faultCount;
    private long faultsOfPlan;

    /** Wraps a drive; closing this closes it. */
    public FaultyFileIo(FileIo inner, FaultPlan plan) {
        this.inner = inner;
        this.delays.setThreadFactory(
                Thread.ofPlatform().daemon().name("millrace-slow-drive").factory());
        this.plan = plan;
        this.random = new SplittableRandom(plan.seed());
    }

    /** Goes on with other faults, and begins their draws. */
    public synchronized void plan(FaultPlan next) {
        plan = next;
        faultsOfPlan = 0;
        random = new SplittableRandom(next.seed());
    }

    /** Faults shown so far. */
    public synchronized long faultCount() {
        return faultCount;
    }

    @Override
    public IoPath path() {
        return inner.path();
    }

    @Override
    public IoOptions options() {
        return inner.options();
    }

    @Override
    public void preallocate(Path file, long sizeBytes) {
        inner.preallocate(file, sizeBytes);
    }

    @Override
    public IoFile open(Path file, boolean writable) {
        return new FaultyFile(inner.open(file, writable));
    }

    @Override
    public void close() {
        delays.close();
        inner.close();
    }

    private synchronized boolean strikes(double rate) {
        boolean strikes = rate > 0 && faultsOfPlan < plan.limit() && random.nextDouble() < rate;
        if (strikes) {
            faultCount++;
            faultsOfPlan++;
        }
        return strikes;
    }

    private synchronized long draw(long bound) {
        return random.nextLong(bound);
    }

    private synchronized FaultPlan plan() {
        return plan;
    }

    private final class FaultyFile implements IoFile {
        private final IoFile file;

        FaultyFile(IoFile file) {
            this.file = file;
        }

        @Override
        public Path path() {
            return file.path();
        }

        @Override
        public long sizeBytes() {
            return file.sizeBytes();
        }

        @Override
        public int alignment() {
            return file.alignment();
        }

        @Override
        public void submit(IoRequest request) {
            long most = 2 * plan().delayNs();
            if (most > 0) {
                long delayNs = draw(most);
                var _ = delays.schedule(() -> submitLate(request), delayNs, TimeUnit.NANOSECONDS);
            } else {
                submitNow(request);
            }
        }

        private void submitLate(IoRequest request) {
            try {
                submitNow(request);
            } catch (RuntimeException e) { // too late to refuse: the submitter awaits an end
                request.complete(-Errno.EINVAL.code());
            }
        }

        private void submitNow(IoRequest request) {
            FaultPlan faults = plan();
            Errno error =
                    switch (request.op()) {
                        case READ -> strikes(faults.rate(Fault.READ_ERROR)) ? Errno.EIO : null;
                        case WRITE ->
                                strikes(faults.rate(Fault.WRITE_ERROR))
                                        ? Errno.EIO
                                        : strikes(faults.rate(Fault.FULL)) ? Errno.ENOSPC : null;
                        case SYNC -> strikes(faults.rate(Fault.SYNC_ERROR)) ? Errno.EIO : null;
                    };
            if (error != null) {
                request.complete(-error.code());
                return;
            }
            if (request.op() != IoRequest.Op.SYNC) {
                int unit = file.alignment();
                if (request.length() > unit && strikes(faults.rate(Fault.SHORT))) {
                    request.shorten(unit * (int) (1 + draw(request.length() / unit - 1)));
                }
                if (request.op() == IoRequest.Op.READ && strikes(faults.rate(Fault.BIT_FLIP))) {
                    request.interceptBy(this::flipBit);
                }
            }
            file.submit(request);
        }

        private int flipBit(IoRequest request, int result) {
            if (result > 0) {
                MemorySegment data = request.data();
                long at = draw(result);
                byte flipped = (byte) (data.get(ValueLayout.JAVA_BYTE, at) ^ (1 << draw(8)));
                data.set(ValueLayout.JAVA_BYTE, at, flipped);
            }
            return result;
        }

        @Override
        public void close() {
            file.close();
        }
    }
}
