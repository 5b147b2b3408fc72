package io.millrace.prefetch;

import com.lmax.disruptor.AlertException;
import com.lmax.disruptor.Sequence;
import io.millrace.memory.CorruptDataException;
import io.millrace.memory.Tier;
import io.millrace.memory.nvme.BlockRead;
import io.millrace.telemetry.Lane;
import java.lang.foreign.MemorySegment;

/** What each of the four lanes does with a visit; the fifth, computation, is the caller's. */
final class Lanes {
    private Lanes() {}

    /** Brings blocks from the drive to the host. */
    static final class Read extends LaneThread {
        private final BlockRead reader;

        Read(Site site, BlockRead reader) {
            super(Lane.NVME_READ, site);
            this.reader = reader;
            reader.onProgress(site.monitor()::progressed);
        }

        @Override
        void handle(Visit visit) throws AlertException, InterruptedException {
            note(Activity.WAITING, visit.block, visit.step);
            if (site.table().claimHost(visit)) {
                move(visit, () -> read(visit.block, visit.head));
            }
        }

        private void read(int block, boolean head) {
            if (head) {
                reader.startHead(block, site.table().onHost(block));
            } else {
                reader.start(block, site.table().onHost(block));
            }
            long version = reader.await();
            long expected = site.table().version(block);
            if (version < expected) {
                // The source says why; the updates since then are pending once more.
                site.table().setBack(block, version);
            } else if (version > expected) {
                throw new CorruptDataException(
                        "block "
                                + block
                                + " was read in the version of step "
                                + version
                                + " and not of step "
                                + expected);
            }
        }
    }

    /** Copies blocks from the host to a device with memory of its own. */
    static final class Upload extends LaneThread {
        private final DevicePort device;
        private final CopyTimes times = new CopyTimes(site.monitor()::progressed);

        Upload(Site site, DevicePort device, Sequence after) {
            super(Lane.H2D, site, after);
            this.device = device;
        }

        @Override
        void handle(Visit visit) throws AlertException, InterruptedException {
            if (visit.early) {
                return;
            }
            note(Activity.WAITING, visit.block, visit.step);
            if (site.table().claimDevice(visit)) {
                move(visit, () -> upload(visit.block), times);
                site.table().uploaded(visit);
            }
        }

        private void upload(int block) {
            long bytes = site.memory().blockBytes(block);
            MemorySegment host = site.table().onHost(block).asSlice(0, bytes);
            device.upload(host, site.table().onDevice(block), times);
        }
    }

    /** Gives blocks back once they were computed, and copies changed ones to the host. */
    static final class Download extends LaneThread {
        private final DevicePort device;
        private final CopyTimes times = new CopyTimes(site.monitor()::progressed);

        Download(Site site, DevicePort device, Sequence after) {
            super(Lane.D2H, site, after);
            this.device = device;
        }

        @Override
        void handle(Visit visit) throws AlertException, InterruptedException {
            if (visit.releaseLater) {
                note(Activity.COMPUTING, visit.block, visit.step);
                visit.computed.synchronize();
                site.table().computed(visit);
            }
            if (visit.download) {
                note(Activity.WAITING, visit.block, visit.step);
                site.table().claimForDownload(visit);
                move(visit, () -> download(visit.block), times);
                site.table().downloaded(visit);
            }
        }

        private void download(int block) {
            long bytes = site.memory().blockBytes(block);
            MemorySegment host = site.table().onHost(block).asSlice(0, bytes);
            device.download(site.table().onDevice(block), host, times);
        }
    }

    /** Writes changed blocks to the drive, once the journal holds what they hold. */
    static final class Write extends LaneThread {
        private final BlockSink.Writer writer;
        private final DurableThrough journal;
        private volatile double stayingSecondsPerByte;

        Write(Site site, BlockSink.Writer writer, DurableThrough journal, Sequence after) {
            super(Lane.NVME_WRITE, site, after);
            this.writer = writer;
            writer.onProgress(site.monitor()::progressed);
            this.journal = journal;
        }

        @Override
        void handle(Visit visit) {
            if (visit.write) {
                note(Activity.JOURNAL, visit.block, visit.step);
                journal.await(visit.version);
                long beganNs = System.nanoTime();
                move(visit, () -> write(visit));
                if (site.memory().home(visit.block) != Tier.NVME) {
                    double seconds = (System.nanoTime() - beganNs) / 1e9;
                    stayingSecondsPerByte = seconds / site.memory().blockBytes(visit.block);
                }
                site.table().written(visit);
            }
        }

        /** What the last write of a block that stays took; 0 before the first. */
        double stayingSecondsPerByte() {
            return stayingSecondsPerByte;
        }

        private void write(Visit visit) {
            writer.write(visit.block, site.table().onHost(visit.block), visit.version);
        }
    }
}
