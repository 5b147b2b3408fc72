package io.millrace.model.export;

import io.millrace.memory.BadInputException;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.model.Checkpoint;
import io.millrace.model.ModelLayout;
import io.millrace.model.PackedSource;
import io.millrace.model.file.gguf.GgufNames;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;

/** Writes a model's folder as one GGUF file. */
public final class GgufExport {
    private static final String TURN_FACTORS = "rope_freqs.weight";
    private static final long PIECE = 1 << 20; // elements, and at least the rows of a head

    private final Checkpoint model;
    private final GgufFields fields;
    private final PackedSource packed;
    private final GgufWriter writer;
    private final LongConsumer progress;

    private GgufExport(
            Checkpoint model,
            GgufFields fields,
            PackedSource packed,
            GgufWriter writer,
            LongConsumer progress) {
        this.model = model;
        this.fields = fields;
        this.packed = packed;
        this.writer = writer;
        this.progress = progress;
    }

    /**
     * What was written.
     *
     * @param file the file
     * @param tensors how many
     * @param bytes of the file
     * @param missing what is not in it that a program may look for, and why
     */
    public record Result(Path file, int tensors, long bytes, List<String> missing) {}

    /**
     * Writes the file. What is quantised is written out first.
     *
     * @param folder of the model
     * @param type of its matrices
     * @param out the file, which must not be there
     * @param progress called now and then with the bytes written since the last call
     * @throws BadInputException where the model is of a family that is not written, a weight is not
     *     a number in the type, or the file cannot be written; nothing is left of it then
     */
    public static Result run(Path folder, GgufType type, Path out, LongConsumer progress) {
        if (Files.exists(out)) {
            throw new BadInputException(
                    out.toString(), "is there already", "give a file that is not");
        }
        try (Checkpoint model = Checkpoint.open(folder)) {
            GgufFields fields = GgufFields.of(model, type);
            GgufTokenizer tokenizer = GgufTokenizer.of(folder, model.program().vocabSize());
            Map<String, Object> metadata = new LinkedHashMap<>(fields.metadata());
            metadata.putAll(tokenizer.metadata());
            Map<String, TensorSlot> slots = slots(model);
            List<GgufWriter.Entry> entries = new ArrayList<>();
            fields.turnFactors()
                    .ifPresent(factors ->
                            entries.add(
                                    new GgufWriter.Entry(
                                            TURN_FACTORS,
                                            List.of((long) factors.length),
                                            GgufType.F32)));
            slots.forEach((name, slot) ->
                    entries.add(new GgufWriter.Entry(name, slot.shape(), type.of(slot.shape()))));
            try (PackedSource packed = new PackedSource(model);
                    GgufWriter writer = new GgufWriter(out, metadata, entries)) {
                GgufExport export = new GgufExport(model, fields, packed, writer, progress);
                export.writeAll(entries, slots);
                writer.commit();
                return new Result(out, entries.size(), writer.fileBytes(), tokenizer.missing());
            }
        }
    }

    /** The tensors by ggml's names, in the order of blocks. */
    private static Map<String, TensorSlot> slots(Checkpoint model) {
        ModelLayout layout = model.plainLayout();
        Map<String, TensorSlot> slots = new LinkedHashMap<>();
        List<TensorSlot> all =
                layout.visits().stream()
                        .distinct()
                        .flatMap(block -> layout.block(block).tensors().stream())
                        .sorted(
                                Comparator.comparingInt(
                                        slot -> slot.name().contains("embed") ? 0 : 1))
                        .toList();
        for (TensorSlot slot : all) {
            String name =
                    GgufNames.ggml(slot.name())
                            .orElseThrow(() ->
                                    new BadInputException(
                                            model.directory().toString(),
                                            "tensor '" + slot.name() + "' has no name in GGUF",
                                            "export a model of the plain family"));
            slots.put(name, slot);
        }
        return slots;
    }

    private void writeAll(List<GgufWriter.Entry> entries, Map<String, TensorSlot> slots) {
        for (GgufWriter.Entry entry : entries) {
            TensorSlot slot = slots.get(entry.name());
            if (slot == null) {
                float[] factors = fields.turnFactors().orElseThrow();
                try (Arena arena = Arena.ofConfined()) {
                    MemorySegment bytes = arena.allocate(entry.bytes(), BlockLayout.ALIGNMENT);
                    entry.type().store(factors, factors.length, bytes);
                    writer.write(entry.name(), 0, bytes);
                }
            } else {
                write(entry, slot);
            }
        }
    }

    private void write(GgufWriter.Entry entry, TensorSlot slot) {
        long elements = slot.elementCount();
        int columns = slot.shape().size() < 2 ? 1 : Math.toIntExact(slot.shape().getLast());
        long unit = columns;
        boolean turned = fields.turnsNeighbours() && GgufNames.isTurned(entry.name());
        if (turned) {
            unit = Math.multiplyExact(headRows(entry.name(), elements / columns), columns);
        }
        long rest = Math.max(1, PIECE / unit) * unit;
        // Groups of 32 end with a row, and so does each piece.
        int piece = Math.toIntExact(Math.min(elements, rest));
        int width = slot.dtype().sizeBytes();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment stored = arena.allocate((long) piece * width, BlockLayout.ALIGNMENT);
            float[] values = new float[piece];
            MemorySegment bytes = arena.allocate((long) piece * Float.BYTES, BlockLayout.ALIGNMENT);
            long written = 0;
            for (long done = 0; done < elements; done += piece) {
                int count = (int) Math.min(piece, elements - done);
                packed.read(slot, done * width, stored.asSlice(0, (long) count * width));
                slot.dtype().load(stored, 0, 0, values, 0, count);
                requireFinite(entry, values, count, done);
                float[] ordered = turned ? turn(values, count, columns, (int) unit) : values;
                long size = entry.type().bytes(List.of((long) count / columns, (long) columns));
                MemorySegment to = bytes.asSlice(0, size);
                entry.type().store(ordered, count, to);
                writer.write(entry.name(), written, to);
                written += size;
                progress.accept(size);
            }
        }
    }

    private long headRows(String name, long rows) {
        String key = name.contains("attn_q") ? "head_count" : "head_count_kv";
        int heads = (int) fields.metadata().get(fields.family() + ".attention." + key);
        return rows / heads;
    }

    /** Halves of heads become neighbours: row j of either half is one of the pair j. */
    private static float[] turn(float[] values, int count, int columns, int headElements) {
        float[] turned = new float[count];
        int half = headElements / columns / 2;
        for (int head = 0; head < count; head += headElements) {
            for (int row = 0; row < 2 * half; row++) {
                int to = 2 * (row % half) + row / half;
                System.arraycopy(
                        values, head + row * columns, turned, head + to * columns, columns);
            }
        }
        return turned;
    }

    private void requireFinite(GgufWriter.Entry entry, float[] values, int count, long first) {
        float most = entry.type() == GgufType.F16 ? 65504 : Float.MAX_VALUE;
        for (int i = 0; i < count; i++) {
            if (!(Math.abs(values[i]) <= most)) {
                throw new BadInputException(
                        model.directory().toString(),
                        "tensor '"
                                + entry.name()
                                + "' has "
                                + values[i]
                                + " at element "
                                + (first + i)
                                + ", which "
                                + entry.type()
                                + " does not hold",
                        "give --dtype bf16 or f32");
            }
        }
    }
}
