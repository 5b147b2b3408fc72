package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.GenerateConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.DType;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.SafetensorsWriter;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Kept keys and values of virtual tokens, and of scaled ones, are those of a whole forward. */
class AdapterGenerationTest {
    @TempDir Path temp;

    @ParameterizedTest
    @ValueSource(strings = {"lora", "ia3", "prompt", "prefix", "tt"})
    void goesOnAsAForwardOfTheWholeTextDoes(String kind) throws IOException {
        Path model = Golden.path("stories260k");
        Path adapter = temp.resolve("adapter");
        TuningRun.run(
                Runs.config(model, Runs.data(temp, 5, 6), adapter)
                        .tune(kind)
                        .lr(1e-2)
                        .weightDecay(0)
                        .build(),
                RunListener.SILENT);
        Optional<Path> beside = Optional.of(adapter);
        Generation.Result made =
                Generation.run(
                        new GenerateConfig(
                                model,
                                "Once upon a time",
                                Optional.empty(),
                                GenerateConfig.Writing.greedy(12),
                                MemoryConfig.DEFAULT,
                                beside));
        long[] ids =
                IntStream.concat(IntStream.of(made.promptIds()), IntStream.of(made.newIds()))
                        .asLongStream()
                        .toArray();
        Path output = temp.resolve("out.safetensors");
        ForwardPass.run(model, beside, input(temp, ids), output, MemoryConfig.DEFAULT);
        try (SafetensorsFile file = SafetensorsFile.open(output)) {
            float[] logits = file.readFloats("logits");
            int width = logits.length / ids.length;
            for (int next = made.promptIds().length; next < ids.length; next++) {
                assertThat(likeliest(logits, (next - 1) * width, width)).isEqualTo((int) ids[next]);
            }
        }
    }

    static Path input(Path temp, long[] ids) {
        Path input = temp.resolve("in.safetensors");
        List<SafetensorsWriter.Entry> entries =
                List.of(
                        new SafetensorsWriter.Entry(
                                "input_ids", DType.I64, List.of(1L, (long) ids.length)));
        try (SafetensorsWriter writer =
                SafetensorsWriter.create(input, SafetensorsWriter.PT_METADATA, entries)) {
            writer.write("input_ids", MemorySegment.ofArray(ids));
            writer.commit();
        }
        return input;
    }

    static int likeliest(float[] logits, int from, int width) {
        int best = 0;
        for (int id = 1; id < width; id++) {
            if (logits[from + id] > logits[from + best]) {
                best = id;
            }
        }
        return best;
    }
}
