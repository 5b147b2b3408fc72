package io.millrace.model.adapter.peft;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.TensorFormat;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.file.DurableFiles;
import io.millrace.model.Checkpoint;
import io.millrace.model.CheckpointWriter;
import io.millrace.model.ModelLayout;
import io.millrace.model.PackedSource;
import io.millrace.model.WrittenForm;
import io.millrace.model.export.ModelCard;
import io.millrace.model.file.Elements;
import io.millrace.model.file.TensorSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongConsumer;

/**
 * Base + adapter = a model of its own: the base's names, dtypes and shards, with W + scale · B A of
 * a LoRA, or W with its rows or columns scaled, in the place of each W that has an adapter. Weights
 * pass through a few megabytes of memory; those without an adapter are copied byte for byte. Of a
 * quantised base every packed matrix is written out, in the dtype of the configuration.
 */
public final class AdapterMerge implements TensorSource {
    private static final int PIECE = 1 << 18;

    private final Checkpoint base;
    private final PackedSource packed;
    private final StoredAdapter adapter;
    private final LongConsumer progress;
    private final MemorySegment staging;
    private final float[] values = new float[PIECE];
    private Optional<WeightChange> changed = Optional.empty();
    private String changedOf = "";

    private AdapterMerge(
            Checkpoint base,
            PackedSource packed,
            StoredAdapter adapter,
            LongConsumer progress,
            Arena arena) {
        this.base = base;
        this.packed = packed;
        this.adapter = adapter;
        this.progress = progress;
        staging = arena.allocate((long) PIECE * Float.BYTES, 64);
    }

    /**
     * Writes the merged model.
     *
     * @param model folder of the base
     * @param folder of the adapter
     * @param out one that is not there, or is empty
     * @param progress called now and then with the bytes written since the last call
     * @throws BadInputException when the adapter is none of the base's or cannot be merged, a
     *     changed weight does not fit the base's dtype, or the folder cannot be written; nothing is
     *     left of it then
     */
    public static MergedAdapter run(Path model, Path folder, Path out, LongConsumer progress) {
        return run(model, folder, WrittenForm.AS_STORED, out, progress);
    }

    /**
     * The same in another form: what changes is added in float32, and rounded once to its dtype.
     *
     * @param model folder of the base
     * @param folder of the adapter
     * @param form dtype and files
     * @param out one that is not there, or is empty
     * @param progress called now and then with the bytes written since the last call
     * @throws BadInputException as above
     */
    public static MergedAdapter run(
            Path model, Path folder, WrittenForm form, Path out, LongConsumer progress) {
        CheckpointWriter.checkEmpty(out);
        boolean isNew = !Files.exists(out);
        try (Checkpoint base = Checkpoint.open(model);
                StoredAdapter adapter = StoredAdapters.open(folder, base);
                PackedSource packed = new PackedSource(base)) {
            // A changed weight has no place among codes: what is packed is written out.
            ModelLayout layout = form.layout(base);
            List<MergedAdapter.Matrix> matrices =
                    adapter.merged().stream().map(one -> matrix(base, layout, one)).toList();
            CheckpointWriter.checkWritable(out, layout.sizeBytes());
            write(base, layout, form, adapter, packed, out, progress);
            card(base, folder, matrices).write(out);
            return new MergedAdapter(matrices, layout.weightBytes());
        } catch (RuntimeException e) {
            if (isNew) {
                removeEmpty(out, e);
            }
            throw e;
        }
    }

    private static MergedAdapter.Matrix matrix(
            Checkpoint base, ModelLayout layout, MergedAdapter.Matrix matrix) {
        String tensor = matrix.tensor();
        TensorFormat format = layout.find(tensor).orElseThrow().slot().format();
        if (!(format instanceof DType)) {
            throw new BadInputException(
                    base.directory().toString(),
                    "tensor '"
                            + tensor
                            + "' is stored as "
                            + format.name()
                            + ", which has no place for a changed weight",
                    "merge into a base of F32, BF16 or F16");
        }
        return matrix.in(format.name());
    }

    private static void write(
            Checkpoint base,
            ModelLayout layout,
            WrittenForm form,
            StoredAdapter adapter,
            PackedSource packed,
            Path out,
            LongConsumer progress) {
        try (Arena arena = Arena.ofConfined();
                CheckpointWriter writer = CheckpointWriter.create(base, layout, out, form)) {
            writer.writeAll(new AdapterMerge(base, packed, adapter, progress, arena));
            writer.commit();
        }
    }

    private static ModelCard card(
            Checkpoint base, Path adapter, List<MergedAdapter.Matrix> matrices) {
        return new ModelCard(
                ModelCard.name(base.directory()),
                List.of(),
                List.of("merged"),
                List.of(),
                ModelCard.Kind.of(base.program()),
                List.of(
                        new ModelCard.Section(
                                "Method",
                                Map.of(
                                        "merged",
                                        ModelCard.name(adapter)
                                                + ", into "
                                                + matrices.size()
                                                + (matrices.size() == 1
                                                        ? " matrix"
                                                        : " matrices")))));
    }

    private static void removeEmpty(Path out, RuntimeException cause) {
        try {
            if (Files.isDirectory(out)) {
                DurableFiles.system().delete(out);
            }
        } catch (RuntimeException e) {
            cause.addSuppressed(e); // what a failing disk let nobody remove
        }
    }

    @Override
    public void read(TensorSlot slot, long offsetBytes, MemorySegment dst) {
        packed.read(slot, offsetBytes, dst);
        if (!changedOf.equals(slot.name())) {
            changedOf = slot.name();
            changed = adapter.change(slot.name());
        }
        changed.ifPresent(change -> add(change, slot, offsetBytes / slot.dtype().sizeBytes(), dst));
        progress.accept(dst.byteSize());
    }

    private void add(WeightChange change, TensorSlot slot, long first, MemorySegment dst) {
        requireFinite(slot, first, dst, "has", "use weights that are finite numbers");
        DType dtype = slot.dtype();
        long count = dst.byteSize() / dtype.sizeBytes();
        for (long done = 0; done < count; done += PIECE) {
            int part = (int) Math.min(PIECE, count - done);
            dtype.load(dst, 0, done, values, 0, part);
            change.apply(values, first + done, part);
            MemorySegment.copy(values, 0, staging, ValueLayout.JAVA_FLOAT, 0, part);
            MemorySegment target = dst.asSlice(done * dtype.sizeBytes());
            Elements.convert(staging, DType.F32, target, dtype, part);
        }
        requireFinite(
                slot,
                first,
                dst,
                "with the adapter has",
                "merge into a base that is stored as bfloat16 or float32");
    }

    private void requireFinite(
            TensorSlot slot, long first, MemorySegment elements, String has, String mend) {
        long at = Elements.firstNonFinite(elements, slot.dtype());
        if (at >= 0) {
            throw new BadInputException(
                    base.tensors().get(slot.name()).file().toString(),
                    String.format(
                            "tensor '%s' %s %s at element %d",
                            slot.name(), has, Elements.get(elements, slot.dtype(), at), first + at),
                    mend);
        }
    }
}
