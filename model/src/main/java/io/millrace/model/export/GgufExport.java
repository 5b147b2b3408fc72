package io.millrace.model.export;

import io.millrace.memory.BadInputException;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.model.Checkpoint;
import io.millrace.model.ModelLayout;
import io.millrace.model.PackedSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;

/** Writes a model's folder as one GGUF file. */
public final class GgufExport {
    private static final String TURN_FACTORS = "rope_freqs.weight";
    private static final String POSITIONS = "position_embd.weight";
    private static final int PIECE = 1 << 20; // elements, and at least a row

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
            Map<String, TensorSlot> slots = slots(model, fields.family().names());
            List<GgufWriter.Entry> entries = new ArrayList<>();
            fields.family()
                    .turnFactors(fields.config())
                    .ifPresent(factors ->
                            entries.add(
                                    new GgufWriter.Entry(
                                            TURN_FACTORS,
                                            List.of((long) factors.length),
                                            GgufType.F32)));
            slots.forEach((name, slot) -> {
                List<Long> shape =
                        fields.family().isTurned(name) ? slot.shape().reversed() : slot.shape();
                // Positions are looked up and added, which ggml does in 32 bits alone.
                GgufType own = name.equals(POSITIONS) ? GgufType.F32 : type.of(shape);
                entries.add(new GgufWriter.Entry(name, shape, own));
            });
            try (PackedSource packed = new PackedSource(model);
                    GgufWriter writer = new GgufWriter(out, metadata, entries)) {
                GgufExport export = new GgufExport(model, fields, packed, writer, progress);
                export.writeAll(entries, slots);
                writer.commit();
                return new Result(out, entries.size(), writer.fileBytes(), tokenizer.missing());
            }
        }
    }

    /** The tensors by ggml's names: those of tokens, then in the order of blocks. */
    private static Map<String, TensorSlot> slots(Checkpoint model, TensorNames names) {
        ModelLayout layout = model.plainLayout();
        Map<String, TensorSlot> slots = new LinkedHashMap<>();
        Map<String, TensorSlot> rest = new LinkedHashMap<>();
        layout.visits().stream()
                .distinct()
                .flatMap(block -> layout.block(block).tensors().stream())
                .forEach(slot -> {
                    String name =
                            names.ggml(slot.name())
                                    .orElseThrow(() ->
                                            new BadInputException(
                                                    model.directory().toString(),
                                                    "tensor '"
                                                            + slot.name()
                                                            + "' has no name in GGUF",
                                                    "export a model of the plain family"));
                    (name.startsWith("token_") ? slots : rest).put(name, slot);
                });
        slots.putAll(rest);
        return slots;
    }

    private void writeAll(List<GgufWriter.Entry> entries, Map<String, TensorSlot> slots) {
        for (GgufWriter.Entry entry : entries) {
            TensorSlot slot = slots.get(entry.name());
            if (slot == null) {
                float[] factors = fields.family().turnFactors(fields.config()).orElseThrow();
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
        int columns = slot.shape().size() < 2 ? 1 : Math.toIntExact(entry.shape().getLast());
        long rows = slot.elementCount() / columns;
        // Groups of 32 end with a row, and so does each piece.
        int some = (int) Math.min(rows, Math.max(1, PIECE / columns));
        RowOrder order = fields.family().order(fields.config(), entry.name(), rows);
        boolean turned = fields.family().isTurned(entry.name());
        float added = fields.family().added(entry.name());
        try (TensorRows source = new TensorRows(packed, slot, columns, some * columns);
                Arena arena = Arena.ofConfined()) {
            float[] values = new float[some * columns];
            MemorySegment bytes =
                    arena.allocate((long) values.length * Float.BYTES, BlockLayout.ALIGNMENT);
            long written = 0;
            for (long row = 0; row < rows; row += some) {
                int count = (int) Math.min(some, rows - row);
                if (turned) {
                    source.readTurned(row, count, Math.toIntExact(rows), values);
                } else {
                    source.read(order, row, count, values);
                }
                for (int i = 0; added != 0 && i < count * columns; i++) {
                    values[i] += added;
                }
                requireFinite(entry, values, count * columns, row * columns);
                long size = entry.type().bytes(List.of((long) count, (long) columns));
                MemorySegment to = bytes.asSlice(0, size);
                entry.type().store(values, count * columns, to);
                writer.write(entry.name(), written, to);
                written += size;
                progress.accept(size);
            }
        }
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
