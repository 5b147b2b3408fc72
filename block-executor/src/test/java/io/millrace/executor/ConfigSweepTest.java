package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.model.ProgramTensors;
import io.millrace.model.architecture.Architecture;
import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.architecture.known.Architectures;
import io.millrace.model.architecture.known.NamedArchitectures;
import io.millrace.model.config.ConfigFields;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.TensorSpec;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every field of a configuration that the class of a {@code model_type} reads in transformers, set
 * away from its default, in the spellings that there are: logits are those of transformers in
 * float64, or the field is refused, and it is listed which are. Configurations that transformers
 * refuses itself are not here. Weights are a function of their names, as in {@link DecodersTest}.
 */
class ConfigSweepTest {
    private static final float BOUND = 3e-5f;
    private static final float SCALE = 0.25f;
    private static final int STRIDE = 11;
    private static final int ROWS = 2;
    private static final JsonObject INPUT =
            Json.parseObject(
                    """
                    {"input_ids": [[1, 11, 27, 49, 77, 31, 71, 37, 9, 67, 51, 41, 37],
                                   [6, 16, 32, 54, 2, 36, 76, 42, 14, 72, 56, 46, 42]],
                     "attention_mask": [[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
                                        [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1]],
                     "tokens": [12, 12]}\
                    """);

    @TempDir Path temp;

    private final Map<ModelProgram, List<Float>> computed = new HashMap<>();

    static Stream<String> types() throws IOException {
        try (Stream<Path> files = Files.list(Golden.path("sweep"))) {
            return files
                    .map(file -> file.getFileName().toString().replace(".json", ""))
                    .filter(name -> !name.equals("refused"))
                    .sorted()
                    .toList()
                    .stream();
        }
    }

    static Stream<String> someTypes() throws IOException {
        return everyThird(true);
    }

    static Stream<String> otherTypes() throws IOException {
        return everyThird(false);
    }

    private static Stream<String> everyThird(boolean taken) throws IOException {
        List<String> types = types().toList();
        return IntStream.range(0, types.size())
                .filter(index -> taken == (index % 3 == 0))
                .mapToObj(types::get);
    }

    @ParameterizedTest
    @MethodSource("someTypes")
    void computesWhatAFieldAsksForOrRefusesIt(String type) throws IOException {
        sweep(type);
    }

    @Tag("long")
    @ParameterizedTest
    @MethodSource("otherTypes")
    void soDoesEveryOtherType(String type) throws IOException {
        sweep(type);
    }

    private void sweep(String type) throws IOException {
        JsonObject golden = Golden.json("sweep/" + type + ".json");
        Map<String, String> expected = new TreeMap<>();
        Golden.json("sweep/refused.json")
                .optionalObject(type)
                .ifPresent(list -> list.fields().forEach((k, v) -> expected.put(k, (String) v)));
        Map<String, String> refused = new TreeMap<>();
        List<String> wrong = new ArrayList<>();
        Path input = temp.resolve("in.safetensors");
        JsonObject asked = golden.has("input_ids") ? golden : INPUT;
        DecodersTest.writeInput(input, asked);
        List<Integer> tokens = asked.array("tokens").stream().map(ConfigSweepTest::index).toList();
        for (Object entry : golden.array("cases")) {
            Map<?, ?> changes = (Map<?, ?>) ((List<?>) entry).get(0);
            int answer = ((Number) ((List<?>) entry).get(1)).intValue();
            List<?> wanted = (List<?>) golden.array("answers").get(answer);
            JsonObject fields = changed(type, golden.object("base"), changes);
            String name = Json.write(changes);
            try {
                String fault = fault(fields, wanted, input, tokens);
                if (!fault.isEmpty()) {
                    wrong.add(name + ": " + fault);
                }
            } catch (BadInputException e) {
                refused.put(name, e.getMessage());
            }
        }
        assertThat(wrong).as("other than the reference").isEmpty();
        assertThat(refused.keySet())
                .as("refused: %s", refused)
                .containsExactlyInAnyOrderElementsOf(expected.keySet());
        refused.forEach((name, message) -> assertThat(message).contains(expected.get(name)));
    }

    @ParameterizedTest
    @MethodSource("types")
    void everyFieldOfTheClassIsOnAListAndInTheSweep(String type) throws IOException {
        JsonObject golden = Golden.json("sweep/" + type + ".json");
        ConfigFields fields =
                ((ListedArchitecture) Architectures.find(type).orElseThrow()).fields();
        Set<String> swept = new HashSet<>();
        for (Object entry : golden.array("cases")) {
            ((Map<?, ?>) ((List<?>) entry).getFirst())
                    .keySet()
                    .forEach(name -> swept.add((String) name));
        }
        golden.object("fields")
                .fields()
                .forEach((name, usual) -> {
                    assertThat(fields.knows(name)).as(name).isTrue();
                    if (fields.honoured().containsKey(name)
                            && !name.equals("tie_word_embeddings")) {
                        assertThat(number(fields.honoured().get(name)))
                                .as(name)
                                .isEqualTo(number(usual));
                    }
                });
        assertThat(swept)
                .containsAll(runnable(golden.object("fields").fields().keySet()))
                .containsAll(fields.honoured().keySet())
                .containsAll(runnable(fields.only().keySet()))
                .containsAll(fields.aliases().keySet())
                .containsAll(fields.spellings().keySet());
        // Of two names that stand for each other either may be the one that is read.
        Map<String, String> aliases = fields.aliases();
        golden.object("aliases")
                .fields()
                .forEach((other, name) -> {
                    String field = (String) name;
                    assertThat(field.equals(aliases.get(other)) || other.equals(aliases.get(field)))
                            .as(other)
                            .isTrue();
                });
    }

    private static List<String> runnable(Set<String> fields) {
        return fields.stream().filter(ConfigSweepTest::runs).toList();
    }

    /** The library does not run a plain model with these set. */
    private static boolean runs(String field) {
        return !Set.of(
                        "per_layer_config",
                        "add_cross_attention",
                        "is_causal",
                        "output_router_logits")
                .contains(field);
    }

    /** 1 and 1.0 are one default. */
    private static Object number(Object value) {
        return value instanceof Number number ? (Object) number.doubleValue() : value;
    }

    @Test
    void everyTypeOfTheRegistryThatHasAListIsSwept() throws IOException {
        assertThat(types().toList())
                .containsExactlyInAnyOrderElementsOf(
                        Architectures.all().stream()
                                .filter(ListedArchitecture.class::isInstance)
                                .map(Architecture::modelType)
                                .toList());
    }

    private static JsonObject changed(String type, JsonObject base, Map<?, ?> changes) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("model_type", type);
        fields.putAll(base.fields());
        changes.forEach((field, value) -> fields.put((String) field, value));
        Object removed = fields.remove("-");
        if (removed instanceof List<?> names) {
            names.forEach(fields::remove);
        }
        return new JsonObject(fields);
    }

    private String fault(JsonObject fields, List<?> wanted, Path input, List<Integer> tokens)
            throws IOException {
        ModelProgram program = NamedArchitectures.program(ModelConfig.of("config.json", fields));
        long elements =
                ProgramTensors.of(program).all().distinct().mapToLong(TensorSpec::elements).sum();
        if (elements != ((Number) wanted.get(0)).longValue()) {
            return elements + " parameters where there are " + wanted.get(0);
        }
        List<Float> logits = computed.get(program);
        if (logits == null) {
            logits = logits(fields, program, input, tokens);
            computed.put(program, logits);
        }
        float most = 0;
        int strided = (wanted.size() - 1) / ROWS;
        int vocabulary = logits.size() / ROWS;
        int stride = isOfTexts(program) ? 1 : STRIDE;
        for (int i = 1; i < wanted.size(); i++) {
            int at = (i - 1) / strided * vocabulary + (i - 1) % strided * stride;
            most = Math.max(most, Math.abs(logits.get(at) - ((Number) wanted.get(i)).floatValue()));
        }
        return most <= BOUND ? "" : "logits are off by up to " + most;
    }

    private static boolean isOfTexts(ModelProgram program) {
        return program.answers().isOfTexts();
    }

    private static int index(Object number) {
        return ((Number) number).intValue();
    }

    /** Of one token of each row, or of the row. */
    private List<Float> logits(
            JsonObject fields, ModelProgram program, Path input, List<Integer> tokens)
            throws IOException {
        Path model = Files.createTempDirectory(temp, "model");
        List<TensorSpec> tensors = ProgramTensors.of(program).all().distinct().toList();
        Map<String, Float> bases = new HashMap<>();
        List<SafetensorsWriter.Entry> parts = new ArrayList<>();
        for (TensorSpec one : tensors) {
            parts.add(new SafetensorsWriter.Entry(one.name(), DType.F32, one.shape()));
            bases.put(one.name(), one.initial() == TensorSpec.Initial.ONE ? 1f : 0f);
        }
        List<SafetensorsWriter.Entry> entries = SafetensorsWriter.Entry.whole(parts);
        DecodersTest.writeModel(
                model,
                fields,
                entries,
                entries.stream().map(one -> bases.getOrDefault(one.name(), 0f)).toList(),
                SCALE);
        Path output = temp.resolve("out.safetensors");
        ForwardPass.run(model, Optional.empty(), input, output, MemoryConfig.DEFAULT);
        try (SafetensorsFile actual = SafetensorsFile.open(output)) {
            float[] all = actual.readFloats("logits");
            int count = program.logitCount();
            List<Float> last = new ArrayList<>();
            for (int row = 0; row < ROWS; row++) {
                int at = isOfTexts(program) ? row : row * (all.length / count / ROWS);
                int token = isOfTexts(program) ? 0 : tokens.get(row);
                for (int i = 0; i < count; i++) {
                    last.add(all[(at + token) * count + i]);
                }
            }
            return last;
        } finally {
            Files.delete(output);
        }
    }
}
