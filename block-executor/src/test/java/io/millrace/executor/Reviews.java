package io.millrace.executor;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.memory.DType;
import io.millrace.optim.objective.Objectives;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** The sample model and reviews, for runs that need words: labelled, or as prompts to answer. */
final class Reviews {
    static final Path MODEL = Path.of("..", "samples", "tiny-lm");
    static final List<String> WORDS = List.of(" terrible", " great");
    static final TaskConfig TASK =
            new TaskConfig(Optional.of("{text} verdict :"), WORDS, OptionalInt.empty(), true);

    private Reviews() {}

    /** The first of the training reviews with their labels. */
    static Path labelled(Path folder, int rows) throws IOException {
        return Files.write(folder.resolve("labelled.jsonl"), lines(rows));
    }

    /** The same as prompts, some to be answered by a label's word and some by their own text. */
    static Path prompts(Path folder, int rows) throws IOException {
        List<String> prompts = new ArrayList<>();
        for (String line : lines(rows)) {
            JsonObject review = Json.parseObject(line);
            String text = review.string("text");
            int middle = text.indexOf(" . ");
            prompts.add(
                    Json.write(
                            prompts.size() % 2 == 0
                                    ? Map.of(
                                            "prompt",
                                            text + " verdict :",
                                            "completion",
                                            WORDS.get((int) review.integer("label")))
                                    : Map.of(
                                            "prompt", text.substring(0, middle),
                                            "completion", text.substring(middle))));
        }
        return Files.write(folder.resolve("prompts.jsonl"), prompts);
    }

    private static List<String> lines(int rows) throws IOException {
        return Files.readAllLines(Path.of("..", "samples", "reviews-train.jsonl")).subList(0, rows);
    }

    /** A run on labelled reviews, far enough from the weights for answers to change. */
    static TuneConfigBuilder accuracy(Path data, Path out, MemoryConfig memory) {
        return run(data, out, memory)
                .task(TASK)
                .eps(0.1)
                .method(Objectives.KINDS.naming(), "accuracy");
    }

    /** A run on prompts. */
    static TuneConfigBuilder f1(Path data, Path out, MemoryConfig memory) {
        return run(data, out, memory)
                .eps(0.03)
                .method(Objectives.KINDS.naming(), "f1")
                .method(Objectives.MAX_NEW_TOKENS, 5);
    }

    private static TuneConfigBuilder run(Path data, Path out, MemoryConfig memory) {
        return TuneConfig.builder(MODEL, data, out)
                .dtype(DType.F32)
                .batchSize(4)
                .microBatch(3)
                .steps(3)
                .seed(11)
                .lr(3e-4)
                .queries(2)
                .memory(memory);
    }
}
