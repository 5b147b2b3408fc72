package io.millrace.model.export;

import io.millrace.model.Checkpoint;
import io.millrace.model.CheckpointWriter;
import io.millrace.model.ModelLayout;
import io.millrace.model.PackedSource;
import io.millrace.model.WrittenForm;
import java.nio.file.Path;
import java.util.function.LongConsumer;

/** Writes a model's folder again, in another dtype or in other files. */
public final class ModelExport {
    private ModelExport() {}

    /**
     * What was written.
     *
     * @param bytes of the weights
     */
    public record Result(long bytes) {}

    /**
     * Writes the folder. What is quantised is written out.
     *
     * @param folder of the model
     * @param form dtype, in which each weight is rounded to nearest once, and files
     * @param out one that is not there, or is empty
     * @param progress called now and then with the bytes written since the last call
     * @throws io.millrace.memory.BadInputException where a weight is not a number in the dtype, or
     *     the folder cannot be written
     */
    public static Result run(Path folder, WrittenForm form, Path out, LongConsumer progress) {
        CheckpointWriter.checkEmpty(out);
        try (Checkpoint model = Checkpoint.open(folder);
                PackedSource packed = new PackedSource(model)) {
            ModelLayout layout = form.layout(model);
            CheckpointWriter.checkWritable(out, layout.weightBytes());
            try (CheckpointWriter writer = CheckpointWriter.create(model, layout, out, form)) {
                writer.writeAll((slot, offset, dst) -> {
                    packed.read(slot, offset, dst);
                    progress.accept(dst.byteSize());
                });
                writer.commit();
            }
            return new Result(layout.weightBytes());
        }
    }
}
