package io.millrace.executor.cuda;

import io.millrace.executor.cuda.weight.DeviceScratch;
import io.millrace.executor.cuda.weight.DeviceScratchPlan.Part;
import io.millrace.executor.step.MicroBatch;
import io.millrace.executor.step.Sequences;
import io.millrace.memory.device.Device;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/** The integer tables of a batch on the device: ids, positions, sequences, head rows, targets. */
final class BatchUpload {
    private final Device device;
    private final DeviceScratch scratch;

    BatchUpload(Device device, DeviceScratch scratch) {
        this.device = device;
        this.scratch = scratch;
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
     * @param ids of each token
     * @param positions of each token
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
            long ids,
            long positions,
            long starts,
            long picks,
            long targets) {}

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
            at = put(staging, targets, batch.targets());
            result.add(
                    new Tables(
                            batch.tokenCount(),
                            row,
                            batch.headRows().length,
                            headRow,
                            sequences.starts().length - 1,
                            longest(sequences),
                            sequences.past(),
                            base + (long) ids * Integer.BYTES,
                            base + (long) positions * Integer.BYTES,
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

    private static int put(MemorySegment staging, int at, int[] values) {
        MemorySegment.copy(
                values, 0, staging, ValueLayout.JAVA_INT, (long) at * Integer.BYTES, values.length);
        return at + values.length;
    }
}
