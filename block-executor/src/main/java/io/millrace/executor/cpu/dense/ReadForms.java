package io.millrace.executor.cpu.dense;

import io.millrace.executor.cpu.param.StorageCodec;
import io.millrace.executor.cpu.weight.HostVisit;
import io.millrace.executor.cpu.weight.PassOutputs;
import io.millrace.executor.cpu.weight.TensorForm;
import io.millrace.executor.step.Floats;
import io.millrace.memory.DType;
import io.millrace.memory.PackedFormat;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.TileReader;
import io.millrace.optim.estimate.Query;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/** Forms tensors that a run only reads, in a format that says how: every scale sees them at θ. */
final class ReadForms {
    private static final int TILE = 8192;

    private final PassOutputs[] outputs;
    private final Tile[] tiles;

    /** What one worker loads at once. */
    private record Tile(float[] values, StorageCodec codec, Map<PackedFormat, TileReader> readers) {
        Tile() {
            this(new float[TILE], new StorageCodec(TILE), new HashMap<>());
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
            if (slot.format() instanceof PackedFormat packed) {
                int width = packed.columns();
                int row = (int) (first / width);
                if (first % width == 0 && count % width == 0) {
                    rows(packed, row, (int) (count / width), place, stride, worker);
                    return;
                }
            }
            Tile tile = tile(worker);
            for (long done = 0; done < count; done += TILE) {
                int part = (int) Math.min(TILE, count - done);
                slot.format().load(bytes, slot.offsetBytes(), first + done, tile.values, 0, part);
                store(tile, 0, part, place.at(done), stride, worker);
            }
        }

        /** Whole rows of a packed matrix, for one scale and then for the others. */
        private void rows(
                PackedFormat packed, int row, int rows, Floats place, long stride, int worker) {
            int width = packed.columns();
            long at = place.start() * place.type().sizeBytes();
            reader(packed, worker)
                    .tile(
                            bytes,
                            slot.offsetBytes(),
                            new TileReader.Area(row, rows, 0, width),
                            new TileReader.Place(place.segment(), at, width, place.type()));
            repeat((long) rows * width, place, stride);
        }

        @Override
        public boolean turns(int rows, DType type) {
            return Turning.turns(slot.format(), rows, type);
        }

        @Override
        public void turned(int row, int rows, Floats place, long stride, int worker) {
            PackedFormat packed = (PackedFormat) slot.format();
            Turning.turn(reader(packed, worker), packed, bytes, slot, row, rows, place);
            repeat((long) rows * packed.columns(), place, stride);
        }

        private TileReader reader(PackedFormat packed, int worker) {
            return tile(worker).readers.computeIfAbsent(packed, PackedFormat::reader);
        }

        /** What was formed for the first scale is what the others see. */
        private void repeat(long elements, Floats place, long stride) {
            long at = place.start() * place.type().sizeBytes();
            long size = elements * place.type().sizeBytes();
            for (int scale = 1; scale < scales; scale++) {
                long to = at + scale * stride * place.type().sizeBytes();
                MemorySegment.copy(place.segment(), at, place.segment(), to, size);
            }
        }

        private void store(Tile tile, int from, int count, Floats place, long stride, int worker) {
            PassOutputs out = outputs[worker].aim(scales, place, stride);
            for (int scale = 0; scale < scales; scale++) {
                tile.codec.store(
                        out.memory()[scale],
                        out.offsets()[scale],
                        place.type(),
                        tile.values,
                        from,
                        count);
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
