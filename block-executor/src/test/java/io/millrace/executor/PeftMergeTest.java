package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.place.ModelSession;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.model.Checkpoint;
import io.millrace.model.adapter.peft.AdapterMerge;
import io.millrace.model.adapter.peft.MergedAdapter;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.file.WeightFiles;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Adapters that PEFT 0.21 saved, merged, against what PEFT and transformers 5.18 make of them: the
 * logits with the adapter beside the base, and the weights of {@code merge_and_unload}. The answers
 * also have W + s B A as numpy says it in float64, rounded as docs/arithmetic.md says.
 */
class PeftMergeTest {
    private static final float LOGITS = 3e-5f;
    private static final String MERGED = "merged.";
    private static final String EXACT = "exact.";

    @TempDir Path temp;

    @ParameterizedTest
    @CsvSource({
        "opt, opt-patterns",
        "gpt2, gpt2-rslora",
        "llama, llama-all-linear",
        "llama, llama-ends",
        "llama-bf16, llama-bf16-base",
        "qwen2, qwen2-regex",
        "phi3, phi3-fused",
        "gpt_neox, gpt_neox-layers",
        "gpt_neox, gpt_neox-embedding",
        "opt, opt-ia3",
        "gpt2, gpt2-ia3",
        "llama, llama-ia3",
        "qwen2, qwen2-ia3"
    })
    void aMergedModelIsTheBaseWithItsAdapter(String model, String adapter) throws IOException {
        Path base = Golden.path("peft/models/" + model);
        Path out = temp.resolve("merged");
        Path answer = Golden.path("peft/answers/" + adapter + ".safetensors");
        MergedAdapter merged =
                AdapterMerge.run(base, Golden.path("peft/adapters/" + adapter), out, _ -> {});

        try (SafetensorsFile expected = SafetensorsFile.open(answer);
                WeightFiles before = WeightFiles.open(base);
                WeightFiles after = WeightFiles.open(out)) {
            Set<String> changed = names(expected, MERGED);
            assertThat(merged.matrices())
                    .extracting(MergedAdapter.Matrix::tensor)
                    .containsExactlyInAnyOrderElementsOf(
                            changed.stream().filter(one -> !one.endsWith(".bias")).toList());
            assertSameElsewhere(before, after, changed);
            for (String name : changed) {
                assertWeights(expected, after.tensors().get(name), bytes(after, name));
            }
            if (after.tensors().values().iterator().next().dtype() == DType.F32) {
                assertLogits(out, Optional.empty(), answer, expected);
            }
        }
        assertSideFiles(base, out);
        Checkpoint.open(out).close();
    }

    /** The base is only read, and need not be merged. */
    @ParameterizedTest
    @CsvSource({
        "opt, opt-patterns",
        "gpt2, gpt2-rslora",
        "llama, llama-all-linear",
        "qwen2, qwen2-regex",
        "phi3, phi3-fused",
        "gpt_neox, gpt_neox-layers",
        "opt, opt-ia3",
        "gpt2, gpt2-ia3",
        "llama, llama-ia3",
        "qwen2, qwen2-ia3",
        "opt, opt-prompt",
        "gpt2, gpt2-prompt",
        "llama, llama-prompt",
        "qwen2, qwen2-prompt",
        "opt, opt-prefix",
        "gpt2, gpt2-prefix",
        "llama, llama-prefix",
        "qwen2, qwen2-prefix"
    })
    void anAdapterStandsBesideItsBase(String model, String adapter) {
        Path base = Golden.path("peft/models/" + model);
        Path answer = Golden.path("peft/answers/" + adapter + ".safetensors");
        Optional<Path> beside = Optional.of(Golden.path("peft/adapters/" + adapter));
        try (SafetensorsFile expected = SafetensorsFile.open(answer)) {
            assertLogits(base, beside, answer, expected);
        }
    }

    /**
     * An adapter so far from its base that half a unit in the last place of the base's weights
     * moves PEFT's logits by more than the bound: what is exact is known from float64.
     */
    @Test
    void anAdapterFarFromItsBaseIsAsNearFloat64AsPeftIs() {
        Path output = temp.resolve("out.safetensors");
        Path answer = Golden.path("peft/answers/qwen2-far.safetensors");
        Optional<Path> beside = Optional.of(Golden.path("peft/adapters/qwen2-far"));
        ForwardPass.run(Golden.path("qwen2"), beside, answer, output, MemoryConfig.DEFAULT);
        try (SafetensorsFile actual = SafetensorsFile.open(output);
                SafetensorsFile expected = SafetensorsFile.open(answer)) {
            float distance = expected.readFloats("distance")[0];
            assertThat(distance).isGreaterThan(LOGITS);
            float[] logits = actual.readFloats("logits");
            float[] exact = expected.readFloats("logits");
            assertThat(logits).hasSameSizeAs(exact);
            for (int i = 0; i < exact.length; i++) {
                assertThat(logits[i]).as("logit " + i).isCloseTo(exact[i], within(2 * distance));
            }
        }
    }

    @Test
    void whatIsBesideNoProductHasToBeMerged() {
        Path base = Golden.path("peft/models/gpt_neox");
        Path adapter = Golden.path("peft/adapters/gpt_neox-embedding");
        assertThatThrownBy(() ->
                        ModelSession.openWith(base, Optional.of(adapter), MemoryConfig.DEFAULT))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("is no product within a layer")
                .hasMessageContaining("millrace merge");
    }

    private static Set<String> names(SafetensorsFile file, String prefix) {
        return file.tensors().keySet().stream()
                .filter(name -> name.startsWith(prefix))
                .map(name -> name.substring(prefix.length()))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static void assertSameElsewhere(
            WeightFiles before, WeightFiles after, Set<String> changed) {
        assertThat(layout(after)).isEqualTo(layout(before));
        for (String name : before.tensors().keySet()) {
            assertThat(bytes(after, name).equals(bytes(before, name)))
                    .as(name)
                    .isEqualTo(!changed.contains(name));
        }
    }

    /** Names, shards, dtypes and shapes, in the order of the files. */
    private static List<String> layout(WeightFiles files) {
        return files.tensors().values().stream()
                .map(one ->
                        one.file().getFileName() + " " + one.name() + one.format() + one.shape())
                .toList();
    }

    private static List<Byte> bytes(WeightFiles files, String name) {
        TensorInfo tensor = files.tensors().get(name);
        byte[] bytes = new byte[(int) tensor.sizeBytes()];
        files.read(tensor, 0, MemorySegment.ofArray(bytes));
        return Stream.iterate(0, i -> i < bytes.length, i -> i + 1).map(i -> bytes[i]).toList();
    }

    private static void assertWeights(
            SafetensorsFile expected, TensorInfo tensor, List<Byte> bytes) {
        byte[] raw = new byte[bytes.size()];
        for (int i = 0; i < raw.length; i++) {
            raw[i] = bytes.get(i);
        }
        float[] actual = new float[(int) tensor.elementCount()];
        tensor.format().load(MemorySegment.ofArray(raw), 0, 0, actual, 0, actual.length);
        assertThat(actual).as(tensor.name()).isEqualTo(expected.readFloats(EXACT + tensor.name()));
        float[] peft = expected.readFloats(MERGED + tensor.name());
        float ulps = tensor.dtype() == DType.F32 ? 0x1p-23f : 0x1p-7f;
        for (int i = 0; i < peft.length; i++) {
            // PEFT rounds every product and sum to float32, of terms up to some times the result.
            float limit = Math.max(Math.abs(peft[i]), 1) * 4 * ulps;
            assertThat(actual[i]).as(tensor.name() + i).isCloseTo(peft[i], within(limit));
        }
    }

    private void assertLogits(
            Path model, Optional<Path> adapter, Path input, SafetensorsFile expected) {
        Path output = temp.resolve("out.safetensors");
        ForwardPass.run(model, adapter, input, output, MemoryConfig.DEFAULT);
        try (SafetensorsFile actual = SafetensorsFile.open(output)) {
            float[] logits = actual.readFloats("logits");
            float[] wanted = expected.readFloats("logits");
            assertThat(logits).hasSameSizeAs(wanted);
            for (int i = 0; i < wanted.length; i++) {
                assertThat(logits[i]).as("logit " + i).isCloseTo(wanted[i], within(LOGITS));
            }
        }
    }

    private static void assertSideFiles(Path base, Path out) throws IOException {
        try (Stream<Path> files = Files.list(base)) {
            for (Path file : files.filter(one -> one.toString().endsWith(".json")).toList()) {
                assertThat(out.resolve(file.getFileName().toString())).hasSameBinaryContentAs(file);
            }
        }
    }
}
