package io.millrace.executor;

import io.millrace.memory.DType;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.model.program.ModelProgram;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;

/** The file that a forward writes. */
final class ForwardOutput {
    private ForwardOutput() {}

    /** Logits of a classifier's labels, a row for each sequence. */
    static void writeLabels(Path file, int rows, long labels, MemorySegment logits) {
        List<SafetensorsWriter.Entry> entries =
                List.of(
                        new SafetensorsWriter.Entry(
                                "logits", DType.F32, List.of((long) rows, labels)));
        try (SafetensorsWriter writer =
                SafetensorsWriter.create(file, SafetensorsWriter.PT_METADATA, entries)) {
            writer.write("logits", logits.asSlice(0, rows * labels * Float.BYTES));
            writer.commit();
        }
    }

    static void write(
            Path file,
            ForwardPass.Padded input,
            ModelProgram program,
            MemorySegment logits,
            float[] tokenLosses,
            double meanLoss) {
        long rows = input.rows();
        long columns = input.columns();
        List<SafetensorsWriter.Entry> entries =
                List.of(
                        new SafetensorsWriter.Entry(
                                "logits",
                                DType.F32,
                                List.of(rows, columns, (long) program.logitCount())),
                        new SafetensorsWriter.Entry(
                                "token_loss", DType.F32, List.of(rows, (long) input.lossColumns())),
                        new SafetensorsWriter.Entry("mean_loss", DType.F32, List.of()));
        try (SafetensorsWriter writer =
                SafetensorsWriter.create(file, SafetensorsWriter.PT_METADATA, entries)) {
            writer.write("logits", logits);
            writer.write("token_loss", tokenLosses);
            writer.write("mean_loss", new float[] {(float) meanLoss});
            writer.commit();
        }
    }
}
