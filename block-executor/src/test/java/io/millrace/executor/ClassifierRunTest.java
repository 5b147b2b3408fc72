package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.config.EvalConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.Metric;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.run.EvalResult;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.device.DeviceName;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.model.text.Tokenizer;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A RoBERTa with a head of three labels, tuned and evaluated on texts. */
class ClassifierRunTest {
    private static final TaskConfig TASK =
            new TaskConfig(Optional.empty(), List.of(), OptionalInt.of(20), true);

    @TempDir Path temp;
    private Path model;
    private Path data;

    @BeforeEach
    void layOut() throws IOException {
        model = Files.createDirectory(temp.resolve("model"));
        JsonObject golden = Golden.json("encoders/roberta-labels.json");
        DecodersTest.writeModel(model, golden);
        // Bytes and a few words, fewer than the model's 60.
        Map<String, Object> vocab = new LinkedHashMap<>();
        for (String token : List.of("<s>", "<pad>", "</s>", "<unk>")) {
            vocab.put(token, (long) vocab.size());
        }
        "abcdefghijklmnopqrstuvwxyz\u0120"
                .chars()
                .forEach(c -> vocab.put(Character.toString(c), (long) vocab.size()));
        vocab.put("<mask>", (long) vocab.size());
        Files.writeString(model.resolve("vocab.json"), Json.write(vocab));
        Files.writeString(model.resolve("merges.txt"), "#version: 0.2\n");
        data = temp.resolve("train.jsonl");
        Files.write(
                data,
                List.of(
                        line("good", 2),
                        line("it is so very dull and long that nobody sees its end", 0),
                        line("fair enough", 1),
                        line("fine", 2),
                        line("bad", 0)));
    }

    private static String line(String text, long label) {
        return Json.write(Map.of("text", text, "label", label));
    }

    /** By the logits that {@code forward} gives, whose own test holds them to the reference. */
    @Test
    void lossesAreThoseOfTheLogits() throws IOException {
        double sum = 0;
        int right = 0;
        for (String line : Files.readAllLines(data)) {
            JsonObject row = Json.parseObject(line);
            float[] logits = logits(row.string("text"));
            assertThat(logits).hasSize(3);
            double total = 0;
            int best = 0;
            for (int i = 0; i < 3; i++) {
                total += Math.exp(logits[i]);
                best = logits[i] > logits[best] ? i : best;
            }
            int label = (int) row.integer("label");
            sum += Math.log(total) - logits[label];
            right += best == label ? 1 : 0;
        }
        EvalResult result = eval(3);
        assertThat(result.loss()).isCloseTo(sum / 5, within(2e-6));
        assertThat(result.accuracy()).isEqualTo(right / 5.0);
        assertThat(eval(1).loss()).isCloseTo(result.loss(), within(1e-6));
    }

    private EvalResult eval(int together) {
        return Evaluation.run(
                new EvalConfig(model, data, Metric.ACCURACY, TASK, together, MemoryConfig.DEFAULT));
    }

    /** A text that is too long keeps its marks, and loses its end. */
    private float[] logits(String text) {
        int[] ids;
        try (Tokenizer tokenizer = Tokenizer.of(model)) {
            int[] all = tokenizer.encode(text, true);
            ids = Arrays.copyOf(all, Math.min(all.length, 20));
            ids[ids.length - 1] = all[all.length - 1];
        }
        Path input = temp.resolve("in.safetensors");
        List<SafetensorsWriter.Entry> entries =
                List.of(
                        new SafetensorsWriter.Entry(
                                "input_ids", DType.I64, List.of(1L, (long) ids.length)));
        try (Arena arena = Arena.ofConfined();
                SafetensorsWriter writer = SafetensorsWriter.create(input, Map.of(), entries)) {
            writer.write(
                    "input_ids",
                    arena.allocateFrom(
                            ValueLayout.JAVA_LONG, IntStream.of(ids).asLongStream().toArray()));
            writer.commit();
        }
        Path output = temp.resolve("out.safetensors");
        ForwardPass.run(model, input, output, MemoryConfig.DEFAULT);
        try (SafetensorsFile file = SafetensorsFile.open(output)) {
            return file.readFloats("logits");
        }
    }

    @Test
    void tunesToTheSameBytesWhereItStreams() throws IOException {
        double before = eval(5).loss();
        Path whole = temp.resolve("whole");
        TuningRun.run(config(whole).build(), RunListener.SILENT);
        Path out = temp.resolve("streamed");
        Runs.smallestBudget(budget -> config(out).memory(Runs.host(DeviceName.CPU, budget)));
        Runs.assertSame(out, Runs.result(whole), "streamed");
        model = whole;
        assertThat(eval(5).loss()).isNotEqualTo(before);
    }

    private TuneConfigBuilder config(Path out) {
        return TuneConfig.builder(model, data, out)
                .task(TASK)
                .batchSize(4)
                .microBatch(3)
                .steps(5)
                .lr(1e-3);
    }

    @Test
    void refusesWhatItHasNoAnswerTo() throws IOException {
        TaskConfig words =
                new TaskConfig(Optional.of("{text}"), List.of("a", "b"), OptionalInt.of(20), true);
        refused(data, words, "--label-words: are given, and the model is a classifier");
        Path tokens =
                Files.writeString(
                        temp.resolve("t.jsonl"), "{\"input_ids\": [5, 6], \"labels\": [5, 6]}\n");
        refused(tokens, TASK, "and the model is a classifier");
        Path label = Files.writeString(temp.resolve("l.jsonl"), line("a", 3) + "\n");
        refused(label, TASK, "field 'label' is 3, and there are 3 labels");
    }

    private void refused(Path file, TaskConfig task, String why) {
        assertThatThrownBy(() ->
                        Evaluation.run(
                                new EvalConfig(
                                        model, file, Metric.LOSS, task, 2, MemoryConfig.DEFAULT)))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining(why)
                .hasMessageNotContaining("\n");
    }
}
