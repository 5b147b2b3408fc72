package io.millrace.executor.cpu.dense;

import io.millrace.executor.cpu.param.StorageCodec;
import io.millrace.executor.cpu.weight.HostVisit;
import io.millrace.executor.cpu.weight.PassOutputs;
import io.millrace.executor.cpu.weight.TensorForm;
import io.millrace.executor.step.Floats;
import io.millrace.memory.TensorSlot;
import io.millrace.optim.estimate.Query;
import java.lang.foreign.MemorySegment;

/** Forms tensors that a run only reads, in a format that says how: every scale sees them at θ. */
final class ReadForms {
    private static final int TILE = 4096;

    private final PassOutputs[] outputs;
    private final Tile[] tiles;

    /** What one worker loads at once. */
    private record Tile(float[] values, StorageCodec codec) {
        Tile() {
            this(new float[TILE], new StorageCodec(TILE));
        }
    }

    /**
     * Forms for every worker.
     *
     * @param outputs each worker's
     */
    ReadForms(PassOutputs[] outputs) {
        this.outputs = outputs;
        tiles = new Tile[outputs.length];
    }

    /** A tensor for every scale of a query that sees it as it is. */
    TensorForm form(HostVisit visit, int tensor, Query query) {
        if (!query.isStill()) {
            throw new IllegalArgumentException(visit.slot(tensor) + " is only read");
        }
        return new Form(visit.bytes(), visit.slot(tensor), query.scales().size());
    }

    private final class Form implements TensorForm {
        private final MemorySegment bytes;
        private final TensorSlot slot;
        private final int scales;

        Form(MemorySegment bytes, TensorSlot slot, int scales) {
            this.bytes = bytes;
            this.slot = slot;
            this.scales = scales;
        }

        @Override
        public void range(long first, long count, Floats place, long stride, int worker) {
            Tile tile = tile(worker);
            for (long done = 0; done < count; done += TILE) {
                int part = (int) Math.min(TILE, count - done);
                Floats to = place.at(done);
                slot.format().load(bytes, slot.offsetBytes(), first + done, tile.values, 0, part);
                PassOutputs out = outputs[worker].aim(scales, to, stride);
                for (int scale = 0; scale < scales; scale++) {
                    MemorySegment memory = out.memory()[scale];
                    tile.codec.store(memory, out.offsets()[scale], to.type(), tile.values, 0, part);
                }
            }
        }

        @Override
        public void columns(int from, int count, Floats place, long stride, int worker) {
            long columns = slot.shape().getLast();
            for (long row = 0; row < slot.elementCount() / columns; row++) {
                range(row * columns + from, count, place.at(row * count), stride, worker);
            }
        }

        private Tile tile(int worker) {
            if (tiles[worker] == null) {
                tiles[worker] = new Tile(); // few models have such a tensor
            }
            return tiles[worker];
        }
    }
}
