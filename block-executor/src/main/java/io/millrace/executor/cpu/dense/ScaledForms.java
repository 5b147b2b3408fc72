package io.millrace.executor.cpu.dense;

import io.millrace.executor.cpu.weight.HostVisit;
import io.millrace.executor.cpu.weight.TensorForm;
import io.millrace.executor.step.Floats;
import io.millrace.memory.DType;
import io.millrace.memory.ScaledFormat;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.TileReader;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.Map;

/**
 * Forms packed matrices whose scales are tuned: for each scale of a query, the codes times the
 * scales as that sees them. Of these, what a piece needs is formed first.
 */
final class ScaledForms {
    private final Worker[] workers;

    ScaledForms(int workers) {
        this.workers = new Worker[workers];
    }

    /**
     * A matrix for every scale of a query.
     *
     * @param visit the block
     * @param matrix index of the packed matrix
     * @param scales its scales as the query sees them
     * @param count how many scales the query has
     */
    TensorForm form(HostVisit visit, int matrix, TensorForm scales, int count) {
        return new Form(visit.bytes(), visit.slot(matrix), scales, count);
    }

    /** What one worker loads at once. */
    private static final class Worker {
        final Map<ScaledFormat, TileReader> readers = new HashMap<>();
        byte[] formed = new byte[0]; // of all scales, as passes write them
        float[] scales = new float[0];
        int first; // where those of the scale at hand begin
        int ofRow;
        int ofGroup;
        int fromRow;

        TileReader reader(ScaledFormat format) {
            return readers.computeIfAbsent(format, one -> one.reader(this::scale));
        }

        float scale(int row, int group) {
            return scales[first + (row - fromRow) * ofRow + group * ofGroup];
        }
    }

    private Worker worker(int index) {
        if (workers[index] == null) {
            workers[index] = new Worker(); // few runs have such matrices
        }
        return workers[index];
    }

    private final class Form implements TensorForm {
        private final MemorySegment bytes;
        private final TensorSlot slot;
        private final ScaledFormat format;
        private final TensorForm scales;
        private final int count;

        Form(MemorySegment bytes, TensorSlot slot, TensorForm scales, int count) {
            this.bytes = bytes;
            this.slot = slot;
            this.scales = scales;
            this.count = count;
            format = (ScaledFormat) slot.format();
        }

        @Override
        public void range(long first, long elements, Floats place, long stride, int worker) {
            int width = format.columns();
            int row = (int) (first / width);
            int rows = (int) ((first + elements - 1) / width) + 1 - row;
            Worker own = worker(worker);
            int ofScale = formScales(own, row, rows, worker);
            TileReader reader = own.reader(format);
            for (int scale = 0; scale < count; scale++) {
                own.first = scale * ofScale;
                pieces(reader, first, elements, place.at(scale * stride));
            }
        }

        @Override
        public void columns(int from, int columns, Floats place, long stride, int worker) {
            for (long row = 0; row < format.rows(); row++) {
                long first = row * format.columns() + from;
                range(first, columns, place.at(row * columns), stride, worker);
            }
        }

        @Override
        public boolean turns(int rows, DType type) {
            return Turning.turns(format, rows, type);
        }

        @Override
        public void turned(int row, int rows, Floats place, long stride, int worker) {
            Worker own = worker(worker);
            int ofScale = formScales(own, row, rows, worker);
            for (int scale = 0; scale < count; scale++) {
                own.first = scale * ofScale;
                Floats to = place.at(scale * stride);
                Turning.turn(own.reader(format), format, bytes, slot, row, rows, to);
            }
        }

        /** Forms the scales of some rows; how many there are of each of the query's scales. */
        private int formScales(Worker own, int row, int rows, int worker) {
            int groups = format.groups();
            int each = rows * groups;
            if (own.scales.length < count * each) {
                own.formed = new byte[count * each * Float.BYTES];
                own.scales = new float[count * each];
            }
            Floats place = new Floats(MemorySegment.ofArray(own.formed), 0);
            if (format.scalesByRow()) {
                scales.range((long) row * groups, each, place, each, worker);
                own.ofRow = groups;
                own.ofGroup = 1;
            } else {
                scales.columns(row, rows, place, each, worker);
                own.ofRow = 1;
                own.ofGroup = rows;
            }
            own.fromRow = row;
            MemorySegment.copy(
                    place.segment(),
                    ValueLayout.JAVA_FLOAT_UNALIGNED,
                    0,
                    own.scales,
                    0,
                    count * each);
            return each;
        }

        /** Whole rows, or what there is of a row and then of others. */
        private void pieces(TileReader reader, long first, long elements, Floats to) {
            int width = format.columns();
            int bytesOf = to.type().sizeBytes();
            for (long done = 0; done < elements; ) {
                int row = (int) ((first + done) / width);
                int column = (int) ((first + done) % width);
                long left = elements - done;
                int rows = column == 0 ? (int) Math.max(1, left / width) : 1;
                int columns = (int) Math.min(width - column, left);
                long at = (to.start() + done) * bytesOf;
                reader.tile(
                        bytes,
                        slot.offsetBytes(),
                        new TileReader.Area(row, rows, column, columns),
                        new TileReader.Place(to.segment(), at, columns, to.type()));
                done += (long) rows * columns;
            }
        }
    }
}
