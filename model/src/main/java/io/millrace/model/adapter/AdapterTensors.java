package io.millrace.model.adapter;

import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.model.ModelLayout;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.file.WeightFile;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * What a run trains beside a model, as PEFT's file has it.
 *
 * @param places where each tensor lies
 */
public record AdapterTensors(Function<TensorSlot, FilePlace> places) {
    /** Writes a part of a tensor of a file. */
    @FunctionalInterface
    public interface Writer {
        /**
         * Writes it.
         *
         * @param tensor name in the file
         * @param offset bytes before the part
         * @param bytes the part
         */
        void write(String tensor, long offset, MemorySegment bytes);
    }

    /** The tensors of the file of a layout, each once. */
    List<SafetensorsWriter.Entry> entries(ModelLayout layout) {
        Map<String, SafetensorsWriter.Entry> entries = new LinkedHashMap<>();
        layout.blocks().stream()
                .flatMap(block -> block.tensors().stream())
                .forEach(slot -> {
                    FilePlace place = places.apply(slot);
                    entries.put(
                            place.tensor(),
                            new SafetensorsWriter.Entry(
                                    place.tensor(), slot.dtype(), place.shape()));
                });
        return List.copyOf(entries.values());
    }

    /** Writes one of the layout's. */
    void write(TensorSlot slot, MemorySegment bytes, Writer writer) {
        each(
                slot,
                (tensor, offset, from, size) ->
                        writer.write(tensor, offset, bytes.asSlice(from, size)));
    }

    /**
     * Reads one of the layout's from a file that has it as it was written.
     *
     * @param file open
     * @param slot of the layout
     * @param bytes all of it
     */
    public void read(WeightFile file, TensorSlot slot, MemorySegment bytes) {
        each(
                slot,
                (tensor, offset, from, size) ->
                        file.read(file.tensor(tensor), offset, bytes.asSlice(from, size)));
    }

    /** The same as float32, from a file that may have it in 16 bits. */
    public void read(WeightFile file, TensorSlot slot, float[] values) {
        each(
                slot,
                (tensor, offset, from, size) ->
                        file.readFloats(
                                file.tensor(tensor),
                                offset / Float.BYTES,
                                values,
                                (int) (from / Float.BYTES),
                                (int) (size / Float.BYTES)));
    }

    /** Whether a file has one of the layout's. */
    public boolean has(WeightFile file, TensorSlot slot) {
        FilePlace place = places.apply(slot);
        Optional<TensorInfo> found = file.find(place.tensor());
        return found.filter(info ->
                        info.format().equals(slot.format()) && info.shape().equals(place.shape()))
                .isPresent();
    }

    /** A part of both that lies without a gap. */
    @FunctionalInterface
    private interface Part {
        void at(String tensor, long offset, long from, long size);
    }

    private void each(TensorSlot slot, Part part) {
        FilePlace place = places.apply(slot);
        if (place.shape().equals(slot.shape())) {
            part.at(place.tensor(), 0, 0, slot.sizeBytes());
            return;
        }
        int element = DType.F32.sizeBytes();
        long width = slot.shape().getLast() * element;
        long step = place.shape().getLast() * element;
        for (long row = 0; row < slot.shape().getFirst(); row++) {
            part.at(place.tensor(), row * step + place.column() * element, row * width, width);
        }
    }
}
