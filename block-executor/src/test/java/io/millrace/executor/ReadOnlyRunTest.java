package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.millrace.executor.config.EvalConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.Metric;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.run.EvalResult;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.synthetic.SyntheticModel;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An evaluation that streams from the model's own files. */
class ReadOnlyRunTest {
    private static final Pattern SMALLEST = Pattern.compile("at least (\\d+)");

    @TempDir Path temp;

    @Test
    void aStreamedEvaluationGivesTheSameLossAndLeavesTheModelAlone() throws IOException {
        Map<String, Object> fields = new LinkedHashMap<>(Golden.json("llama/config.json").fields());
        fields.put("num_hidden_layers", 12L);
        fields.put("hidden_size", 192L);
        fields.put("intermediate_size", 512L);
        Path model = temp.resolve("model");
        SyntheticModel.write(
                ModelConfig.of("config.json", new JsonObject(fields)),
                DType.BF16,
                7,
                model,
                bytes -> {});
        Path data = Runs.data(temp, 31, 10);
        List<String> before = listing(model);
        EvalResult inMemory = Evaluation.run(config(model, data, OptionalLong.empty()));
        BadInputException refused =
                catchThrowableOfType(
                        BadInputException.class,
                        () -> Evaluation.run(config(model, data, OptionalLong.of(4096))));
        Matcher matcher = SMALLEST.matcher(refused.getMessage());
        assertThat(matcher.find()).isTrue();
        OptionalLong smallest = OptionalLong.of(Long.parseLong(matcher.group(1)));
        EvalResult streamed = Evaluation.run(config(model, data, smallest));
        assertThat(streamed).isEqualTo(inMemory);
        assertThat(listing(model)).isEqualTo(before);
    }

    private static EvalConfig config(Path model, Path data, OptionalLong hostBudget) {
        MemoryConfig memory =
                new MemoryConfig(
                        "cpu",
                        OptionalLong.empty(),
                        hostBudget,
                        Optional.empty(),
                        OptionalLong.empty(),
                        2,
                        true);
        return new EvalConfig(model, data, Metric.LOSS, TaskConfig.DEFAULT, 4, memory);
    }

    private static List<String> listing(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }
}
