package io.millrace.executor.cuda;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.batch.Sequences;
import io.millrace.executor.cuda.weight.DeviceScratch;
import io.millrace.executor.cuda.weight.DeviceScratchPlan.Part;
import io.millrace.memory.device.Device;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The integer tables of a batch on the device: ids, positions, sequences, head rows, targets. */
final class BatchUpload {
    private final Device device;
    private final DeviceScratch scratch;
    private final Optional<Op.Lookup> texts; // that counts positions by text
    private final Optional<Op.Lookup> segments;

    BatchUpload(Device device, DeviceScratch scratch, ModelProgram program) {
        this.device = device;
        this.scratch = scratch;
        texts = lookup(program, Op.Index.TEXT_POSITION);
        segments = lookup(program, Op.Index.SEGMENT);
    }

    private static Optional<Op.Lookup> lookup(ModelProgram program, Op.Index index) {
        return program.ops()
                .filter(Op.Lookup.class::isInstance)
                .map(Op.Lookup.class::cast)
                .filter(lookup -> lookup.index() == index)
                .findFirst();
    }

    /**
     * Where the tables of one micro-batch lie; addresses of int32 on the device.
     *
     * @param rows tokens
     * @param firstRow its first row among those of the batch
     * @param headRows rows whose logits are wanted
     * @param firstHeadRow the first of those among the batch's
     * @param sequences how many
     * @param longest tokens of the longest
     * @param past tokens before the first row, whose keys and values are kept
     * @param indices which rows of tables each token takes
     * @param starts of each sequence, and the number of rows
     * @param picks head rows
     * @param targets of each head row
     */
    record Tables(
            int rows,
            int firstRow,
            int headRows,
            int firstHeadRow,
            int sequences,
            int longest,
            int past,
            Indices indices,
            long starts,
            long picks,
            long targets) {}

    /**
     * Addresses of int32 numbers, one for each token.
     *
     * @param ids the tokens
     * @param positions in their sequences
     * @param textPositions the same without padding, where a model counts so; else nothing
     * @param segments where a model has such; else nothing
     */
    record Indices(long ids, long positions, long textPositions, long segments) {
        /** Those that a kind of look-up goes by. */
        long of(Op.Index index) {
            return switch (index) {
                case ID -> ids;
                case POSITION -> positions;
                case TEXT_POSITION -> textPositions;
                case SEGMENT -> segments;
                case ROW -> throw new IllegalStateException("no card has rows of a table");
            };
        }
    }

    /** Hands the tables of batches to the compute stream; the last ones were used up. */
    List<List<Tables>> upload(List<List<MicroBatch>> batches) {
        List<List<Tables>> result = new ArrayList<>(batches.size());
        int at = 0;
        for (List<MicroBatch> batch : batches) {
            List<Tables> tables = new ArrayList<>(batch.size());
            at = stage(batch, at, tables);
            result.add(tables);
        }
        if (at > 0) {
            device.compute()
                    .copyH2D(
                            scratch.staging().segment().asSlice(0, (long) at * Integer.BYTES),
                            scratch.memory(),
                            scratch.plan().offsets().get(Part.TABLES));
        }
        return result;
    }

    /** Writes one batch's tables from an integer on, and says where the next may begin. */
    private int stage(List<MicroBatch> batches, int from, List<Tables> result) {
        MemorySegment staging = scratch.staging().segment();
        long base = scratch.address(Part.TABLES);
        int at = from;
        int row = 0;
        int headRow = 0;
        for (MicroBatch batch : batches) {
            Sequences sequences = batch.sequences();
            int ids = at;
            int positions = put(staging, ids, batch.ids());
            int starts = put(staging, positions, sequences.positions());
            int picks = put(staging, starts, sequences.starts());
            int targets = put(staging, picks, batch.headRows());
            int texts = put(staging, targets, batch.targets());
            int segments = put(staging, texts, batch, this.texts);
            at = put(staging, segments, batch, this.segments);
            result.add(
                    new Tables(
                            batch.tokenCount(),
                            row,
                            batch.headRows().length,
                            headRow,
                            sequences.starts().length - 1,
                            longest(sequences),
                            sequences.past(),
                            new Indices(
                                    base + (long) ids * Integer.BYTES,
                                    base + (long) positions * Integer.BYTES,
                                    base + (long) texts * Integer.BYTES,
                                    base + (long) segments * Integer.BYTES),
                            base + (long) starts * Integer.BYTES,
                            base + (long) picks * Integer.BYTES,
                            base + (long) targets * Integer.BYTES));
            row += batch.tokenCount();
            headRow += batch.headRows().length;
        }
        return at;
    }

    private static int longest(Sequences sequences) {
        int longest = 0;
        for (int sequence = 0; sequence + 1 < sequences.starts().length; sequence++) {
            longest = Math.max(longest, sequences.length(sequence));
        }
        return longest;
    }

    private static int put(
            MemorySegment staging, int at, MicroBatch batch, Optional<Op.Lookup> lookup) {
        return lookup.map(op -> put(staging, at, batch.indices(op.index(), op.offset())))
                .orElse(at);
    }

    private static int put(MemorySegment staging, int at, int[] values) {
        MemorySegment.copy(
                values, 0, staging, ValueLayout.JAVA_INT, (long) at * Integer.BYTES, values.length);
        return at + values.length;
    }
}
