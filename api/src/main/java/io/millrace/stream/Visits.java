package io.millrace.stream;

import io.millrace.memory.BadInputException;
import io.millrace.memory.CorruptDataException;
import io.millrace.memory.file.DurableFiles;
import io.millrace.prefetch.BlockLease;
import io.millrace.prefetch.PipelinedFeed;
import io.millrace.prefetch.VisitPlan;
import io.millrace.telemetry.Lane;
import io.millrace.telemetry.SpanRecorder;
import io.millrace.telemetry.StepMeter;
import io.millrace.telemetry.StepOverlap;
import io.millrace.telemetry.TraceWriter;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The passes of a stream: which blocks they take, and what is written down of each visit. */
final class Visits {
    /** What a ByteBuffer over native memory shows at once. */
    private static final long WRITE_BYTES = 1L << 30;

    private final Blocks blocks;
    private final StreamTiers tiers;
    private final VisitJournal journal;
    private final boolean writesBack;
    private final SpanRecorder spans;
    private final StepMeter meter;
    private final VisitPlan whole;
    private final long[] versions; // the last pass whose change each block has
    private Optional<TraceWriter> trace = Optional.empty();
    private long passes;
    private boolean failed;

    Visits(
            Blocks blocks,
            StreamTiers tiers,
            VisitJournal journal,
            boolean writesBack,
            SpanRecorder spans) {
        this.blocks = blocks;
        this.tiers = tiers;
        this.journal = journal;
        this.writesBack = writesBack;
        this.spans = spans;
        meter = new StepMeter(spans);
        whole = BlockStream.whole(blocks.count());
        versions = new long[blocks.count()];
        for (int block = 0; block < versions.length; block++) {
            versions[block] = tiers.version(block);
            if (versions[block] > journal.lastChange(block)) {
                throw new BadInputException(
                        journal.path().toString(),
                        "does not know pass "
                                + versions[block]
                                + ", whose change block "
                                + block
                                + " has",
                        "restore the newer journal, or delete the folder to begin anew");
            }
        }
    }

    TraceWriter traceTo(Path file) {
        TraceWriter writer = new TraceWriter(file, spans.now());
        trace = Optional.of(writer);
        return writer;
    }

    PassResult pass(double[] input, BlockWork work) {
        requireSound();
        failed = true;
        passes++;
        double[] given = input.clone();
        Map<Integer, VisitJournal.Entry> known = journal.take(passes, given);
        double[][] outputs = new double[blocks.count()][];
        List<Integer> missing = new ArrayList<>();
        for (int block = 0; block < outputs.length; block++) {
            VisitJournal.Entry entry = known.get(block);
            if (entry != null) {
                outputs[block] = entry.output();
            }
            if (entry == null || (entry.changed() && versions[block] < passes)) {
                missing.add(block);
            }
        }
        meter.begin();
        trace.ifPresent(writer -> writer.write(meter.spans()));
        if (!missing.isEmpty()) {
            PipelinedFeed feed = tiers.feed();
            feed.begin(BlockStream.of(missing), whole);
            for (int block : missing) {
                outputs[block] = visit(feed, block, given, work, known.get(block));
            }
        }
        failed = false;
        StepOverlap overlap = meter.end();
        trace.ifPresent(writer -> {
            writer.writeStep(passes, meter.startNs(), meter.endNs());
            writer.write(meter.spans());
        });
        tiers.settleIfDue();
        return new PassResult(passes, Arrays.asList(outputs), missing.size(), Overlap.of(overlap));
    }

    private double[] visit(
            PipelinedFeed feed,
            int index,
            double[] input,
            BlockWork work,
            VisitJournal.Entry before) {
        try (BlockLease lease = feed.acquire(index)) {
            requireVersion(lease, index);
            Block block =
                    new Block(
                            index,
                            passes,
                            input,
                            lease.weights().asSlice(0, blocks.sizes().get(index)),
                            writesBack);
            long span = spans.begin(Lane.COMPUTE, index, passes);
            VisitJournal.Entry now;
            try {
                double[] output = work.on(block);
                now = new VisitJournal.Entry(block.isChanged(), output);
            } finally {
                spans.end(span, 0);
            }
            write(index, input, now, before);
            if (now.changed()) {
                lease.markFolded(passes, true);
                versions[index] = passes;
            }
            return now.output();
        } catch (RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IllegalStateException(
                    "the work on block " + index + " of pass " + passes + " failed", e);
        }
    }

    /** Before the lease is closed, from where on the block may reach the drive. */
    private void write(
            int index, double[] input, VisitJournal.Entry now, VisitJournal.Entry before) {
        if (before == null) {
            journal.add(passes, input, index, now);
        } else if (!now.changed() || !Arrays.equals(now.output(), before.output())) {
            throw new IllegalStateException(
                    "block "
                            + index
                            + " gave something else than before in pass "
                            + passes
                            + ": work must be a function of its block and the pass's input");
        }
    }

    /** A block that was damaged in the store comes as it was before, which no pass can mend. */
    private void requireVersion(BlockLease lease, int index) {
        if (lease.foldedThrough() != versions[index]) {
            throw new CorruptDataException(
                    "block "
                            + index
                            + " as of pass "
                            + versions[index]
                            + " is damaged on the drive; delete the folder to begin anew");
        }
    }

    private void requireSound() {
        if (failed) {
            throw new IllegalStateException(
                    "pass " + passes + " failed; close the stream, and open it again to go on");
        }
    }

    /** Blocks as they were opened are of several passes, of which what was lost is made again. */
    private void requireGoneThrough() {
        if (journal.hasUntaken()) {
            throw new IllegalStateException(
                    "the journal knows passes that were not gone through; do so first");
        }
    }

    void save() {
        requireSound();
        requireGoneThrough();
        journal.force();
        tiers.flush();
    }

    void write(Path file) {
        requireSound();
        requireGoneThrough();
        DurableFiles files = DurableFiles.system();
        try {
            writePart(DurableFiles.part(file));
            files.publish(file);
        } catch (RuntimeException | Error e) {
            try {
                files.delete(DurableFiles.part(file));
            } catch (RuntimeException left) {
                e.addSuppressed(left);
            }
            throw e;
        }
        files.syncFolder(file.toAbsolutePath().getParent());
    }

    private void writePart(Path part) {
        try (FileChannel out =
                FileChannel.open(
                        part,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.TRUNCATE_EXISTING,
                        StandardOpenOption.WRITE)) {
            PipelinedFeed feed = tiers.feed();
            feed.begin(whole);
            for (int block = 0; block < blocks.count(); block++) {
                try (BlockLease lease = feed.acquire(block)) {
                    requireVersion(lease, block);
                    write(out, lease.weights().asSlice(0, blocks.sizes().get(block)));
                }
            }
            out.force(true);
        } catch (IOException e) {
            throw DurableFiles.failed("writing", part, e);
        }
    }

    private static void write(FileChannel out, MemorySegment bytes) throws IOException {
        for (long at = 0; at < bytes.byteSize(); at += WRITE_BYTES) {
            ByteBuffer piece =
                    bytes.asSlice(at, Math.min(WRITE_BYTES, bytes.byteSize() - at)).asByteBuffer();
            while (piece.hasRemaining()) {
                out.write(piece);
            }
        }
    }
}
