package io.millrace.memory.nvme;

import io.millrace.memory.CorruptDataException;
import io.millrace.memory.nvme.io.Checksum;
import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Blocks of a source that keeps no checksums of its own, held to those that came with them. */
public final class VerifiedSource implements BlockSource {
    private static final System.Logger LOG = System.getLogger(VerifiedSource.class.getName());

    private final BlockSource source;
    private final List<Integer> checksums;
    private final Parts parts;
    private final String name;
    private final boolean[] lost;

    /** What of a block's bytes counts: padding does not. */
    @FunctionalInterface
    public interface Parts {
        /** The parts of a block, in order. */
        List<MemorySegment> of(int block, MemorySegment bytes);
    }

    /**
     * Wraps a source, which outlives this.
     *
     * @param source where blocks are read
     * @param checksums of each block's parts
     * @param parts what they cover
     * @param name of the source, for messages
     */
    public VerifiedSource(BlockSource source, List<Integer> checksums, Parts parts, String name) {
        this.source = source;
        this.checksums = List.copyOf(checksums);
        this.parts = parts;
        this.name = name;
        lost = new boolean[checksums.size()];
    }

    /** CRC-32C of a block's parts one after the other, of any size. */
    public static int checksum(List<MemorySegment> parts) {
        Checksum checksum = new Checksum();
        checksum.start(MemorySegment.NULL);
        for (MemorySegment part : parts) {
            checksum.goOn(part);
            checksum.advanceTo(part.byteSize());
        }
        return checksum.value();
    }

    @Override
    public long version(int block) {
        return source.version(block);
    }

    @Override
    public synchronized boolean has(int block) {
        return !lost[block];
    }

    @Override
    public synchronized void lose(int block) {
        lost[block] = true;
    }

    @Override
    public long blockBytes(int block) {
        return source.blockBytes(block);
    }

    @Override
    public BlockRead newRead() {
        return new VerifiedRead(source.newRead());
    }

    private final class VerifiedRead implements BlockRead {
        private final BlockRead read;
        private int block;
        private MemorySegment target;

        VerifiedRead(BlockRead read) {
            this.read = read;
        }

        @Override
        public void onProgress(Runnable heard) {
            read.onProgress(heard);
        }

        @Override
        public void start(int wanted, MemorySegment destination) {
            block = wanted;
            target = destination;
            read.start(wanted, destination);
        }

        @Override
        public long await() {
            long version = read.await();
            int actual = checksum(parts.of(block, target));
            if (actual != checksums.get(block)) {
                // A bit may flip on the way as well as on the drive: the second read tells.
                LOG.log(Level.WARNING, mismatch(actual) + "; reading it again");
                read.start(block, target);
                version = read.await();
                actual = checksum(parts.of(block, target));
            }
            if (actual != checksums.get(block)) {
                throw new CorruptDataException(mismatch(actual) + " in two reads");
            }
            return version;
        }

        private String mismatch(int actual) {
            return String.format(
                    "%s: block %d has checksum %08x, expected %08x",
                    name, block, actual, checksums.get(block));
        }

        @Override
        public void close() {
            read.close();
        }
    }
}
