package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.batch.Sequences;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.model.ModelLayout;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.program.Answers;
import io.millrace.optim.gradient.rule.Lomo;
import io.millrace.optim.optimizer.Optimizers;
import io.millrace.optim.option.Settings;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Gradients of every family against PyTorch's autograd: of all files of {@code gradients},
 * sequences in micro-batches of their own and in one.
 */
class GoldenGradientsTest {
    private static final ArithmeticConfig LOMO =
            new ArithmeticConfig(Settings.NONE.with(Optimizers.KINDS.naming(), Lomo.NAME));

    @TempDir Path temp;

    static Stream<String> files() throws IOException {
        return GradientGoldensTest.files();
    }

    @ParameterizedTest
    @MethodSource("files")
    void agreesWithAutograd(String name) throws IOException {
        GradientGoldens golden = GradientGoldens.read(name);
        Path model = model(golden.file().string("golden"));
        List<Text> texts = texts(golden.file());
        check(golden, model, texts, 1);
        check(golden, model, texts, texts.size());
    }

    private static void check(
            GradientGoldens golden, Path model, List<Text> texts, int sequencesEach) {
        TakenGradients taken =
                TakenGradients.of(
                        model,
                        LOMO,
                        MemoryConfig.DEFAULT,
                        answers -> {
                            List<MicroBatch> batches = new ArrayList<>();
                            for (int first = 0; first < texts.size(); first += sequencesEach) {
                                int past = first + sequencesEach;
                                batches.add(batch(texts.subList(first, past), answers));
                            }
                            return batches;
                        });
        assertThat(taken.loss()).as("loss").isEqualTo(golden.loss(), within(5e-6));
        assertThat(taken.norm()).as("norm").isEqualTo(golden.norm(), within(golden.norm() * 1e-4));
        addUnchosen(taken.layout(), taken.tensors());
        golden.check(stacked(taken.tensors()));
    }

    /** Experts that nobody chose are not visited: their gradient is 0. */
    private static void addUnchosen(ModelLayout layout, Map<String, float[]> gradients) {
        layout.experts().stream()
                .flatMap(List::stream)
                .flatMap(block -> layout.block(block).tensors().stream())
                .forEach(slot ->
                        gradients.putIfAbsent(
                                slot.name(), new float[Math.toIntExact(slot.elementCount())]));
    }

    /** Slices of one tensor, {@code name[0]} and so on, as the checkpoint has them. */
    private static Map<String, float[]> stacked(Map<String, float[]> gradients) {
        Map<String, float[]> whole = new HashMap<>();
        gradients.forEach((name, gradient) -> {
            int bracket = name.indexOf('[');
            if (bracket < 0) {
                whole.put(name, gradient);
                return;
            }
            String stack = name.substring(0, bracket);
            int index = Integer.parseInt(name.substring(bracket + 1, name.length() - 1));
            int length = gradient.length * slices(stack, gradients);
            float[] all = whole.computeIfAbsent(stack, _ -> new float[length]);
            System.arraycopy(gradient, 0, all, index * gradient.length, gradient.length);
        });
        return whole;
    }

    private static int slices(String stack, Map<String, float[]> gradients) {
        return (int)
                gradients.keySet().stream().filter(name -> name.startsWith(stack + "[")).count();
    }

    private Path model(String golden) throws IOException {
        if (golden.endsWith(".safetensors")) {
            return Golden.path(golden).getParent();
        }
        Path model = Files.createDirectory(temp.resolve("model"));
        DecodersTest.writeModel(model, Golden.json(golden));
        return model;
    }

    /**
     * One row without its padding.
     *
     * @param labels of each token, or the one of the text
     */
    private record Text(int[] ids, int[] labels) {}

    private static List<Text> texts(JsonObject file) {
        String golden = file.string("golden");
        boolean stored = golden.endsWith(".safetensors");
        JsonObject of = file.has("input_ids") || stored ? file : Golden.json(golden);
        long[][] ids =
                of.has("input_ids") ? rows(of.array("input_ids")) : rows(golden, "input_ids");
        long[][] mask =
                of.has("attention_mask")
                        ? rows(of.array("attention_mask"))
                        : rows(golden, "attention_mask");
        boolean ofTexts = file.string("targets").equals("class");
        long[][] labels = null;
        if (!file.has("labels")) {
            labels = rows(golden, "labels");
        } else if (!ofTexts) {
            labels = rows(file.array("labels"));
        }
        List<Text> texts = new ArrayList<>();
        for (int row = 0; row < ids.length; row++) {
            int at = row;
            int[] real =
                    IntStream.range(0, ids[row].length)
                            .filter(cell -> mask[at][cell] != 0)
                            .toArray();
            int[] own = {0};
            if (ofTexts) {
                own[0] = ((Long) file.array("labels").get(row)).intValue();
            } else {
                own = pick(labels[row], real);
            }
            texts.add(new Text(pick(ids[row], real), own));
        }
        return texts;
    }

    private static int[] pick(long[] row, int[] cells) {
        return IntStream.of(cells).map(cell -> (int) row[cell]).toArray();
    }

    private static long[][] rows(List<?> rows) {
        return rows.stream()
                .map(row -> ((List<?>) row).stream().mapToLong(Long.class::cast).toArray())
                .toArray(long[][]::new);
    }

    private static long[][] rows(String golden, String tensor) {
        try (SafetensorsFile file = SafetensorsFile.open(Golden.path(golden))) {
            int rows = Math.toIntExact(file.tensor(tensor).shape().getFirst());
            long[] all = file.readLongs(tensor);
            int columns = all.length / rows;
            return IntStream.range(0, rows)
                    .mapToObj(row -> Arrays.copyOfRange(all, row * columns, (row + 1) * columns))
                    .toArray(long[][]::new);
        }
    }

    /** Some rows without padding, and which of their tokens are scored. */
    private static MicroBatch batch(List<Text> texts, Answers answers) {
        IntStream.Builder ids = IntStream.builder();
        IntStream.Builder heads = IntStream.builder();
        IntStream.Builder targets = IntStream.builder();
        int[] starts = new int[texts.size() + 1];
        for (int index = 0; index < texts.size(); index++) {
            Text text = texts.get(index);
            int first = starts[index];
            int length = text.ids.length;
            IntStream.of(text.ids).forEach(ids::add);
            starts[index + 1] = first + length;
            switch (answers) {
                case NEXT, IN_PLACE -> {
                    int before = answers == Answers.NEXT ? 1 : 0;
                    for (int token = before; token < length; token++) {
                        if (text.labels[token] >= 0) {
                            heads.add(first + token - before);
                            targets.add(text.labels[token]);
                        }
                    }
                }
                case FIRST, LAST -> {
                    heads.add(answers == Answers.FIRST ? first : first + length - 1);
                    targets.add(text.labels[0]);
                }
            }
        }
        return new MicroBatch(
                ids.build().toArray(),
                Sequences.fresh(starts),
                heads.build().toArray(),
                targets.build().toArray());
    }
}
