package io.millrace.model.synthetic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.memory.BadInputException;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.model.Checkpoint;
import io.millrace.model.ModelLayout;
import io.millrace.model.TestModels;
import io.millrace.model.architecture.known.NamedArchitectures;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.file.SafetensorsFile;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class SyntheticModelTest {
    @TempDir Path folder;

    static List<String> goldenNames() {
        return TestModels.goldenNames();
    }

    @ParameterizedTest
    @MethodSource("goldenNames")
    void makesCheckpointsOfEveryArchitecture(String name) {
        ModelConfig config =
                ModelConfig.read(TestModels.resource("golden/" + name + "/config.json"));
        long bytes = ModelLayout.of(NamedArchitectures.program(config), DType.BF16).sizeBytes();
        long shard = Math.min(20_000L, bytes / 4);
        long elements = SyntheticModel.write(config, DType.BF16, 1, folder, shard);
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.layout().elementCount()).isEqualTo(elements);
            assertThat(checkpoint.config().dtype()).contains(DType.BF16);
            assertThat(checkpoint.ignoredTensors()).isEmpty();
            assertThat(checkpoint.scan().sizeBytes()).isEqualTo(2 * elements);
            try (Arena arena = Arena.ofConfined()) {
                BlockLayout block = checkpoint.layout().block(1);
                checkpoint.readBlock(1, arena.allocate(block.sizeBytes()));
            }
        }
        assertThat(TestModels.list(folder)).hasSizeGreaterThan(4);
    }

    @Test
    void fillsMatricesWithNormalNoiseAndNormsWithOne() {
        ModelConfig config = ModelConfig.read(TestModels.resource("golden/opt/config.json"));
        for (DType dtype : List.of(DType.F32, DType.F16, DType.BF16)) {
            Path out = folder.resolve(dtype.name());
            List<Long> progress = new ArrayList<>();
            SyntheticModel.write(config, dtype, 7, out, progress::add);
            try (SafetensorsFile file = SafetensorsFile.open(out.resolve("model.safetensors"))) {
                float[] table = file.readFloats("model.decoder.embed_tokens.weight");
                double sum = 0;
                double squares = 0;
                double fourths = 0;
                double neighbours = 0;
                for (int i = 0; i < table.length; i++) {
                    sum += table[i];
                    squares += (double) table[i] * table[i];
                    fourths += Math.pow(table[i], 4);
                    neighbours += i == 0 ? 0 : (double) table[i] * table[i - 1];
                }
                double variance = squares / table.length;
                assertThat(sum / table.length).isCloseTo(0, within(0.0006));
                assertThat(Math.sqrt(variance)).isCloseTo(0.02, within(0.0005));
                assertThat(fourths / table.length / variance / variance).isCloseTo(3, within(0.2));
                assertThat(neighbours / squares).isCloseTo(0, within(0.03));
                assertThat(file.readFloats("model.decoder.layers.1.final_layer_norm.weight"))
                        .containsOnly(1);
                assertThat(file.readFloats("model.decoder.layers.1.fc1.bias")).containsOnly(0);
                assertThat(file.readFloats("model.decoder.layers.0.fc1.weight"))
                        .isNotEqualTo(file.readFloats("model.decoder.layers.1.fc1.weight"));
            }
            assertThat(progress.stream().mapToLong(Long::longValue).sum()).isPositive();
        }
    }

    @Test
    void makesTheSameBytesFromTheSameSeedWhateverTheShards() {
        ModelConfig config =
                ModelConfig.read(TestModels.resource("golden/llama-headdim/config.json"));
        List<String> fingerprints = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            Path out = folder.resolve("" + i);
            SyntheticModel.write(config, DType.F32, i / 2, out, i == 0 ? 50_000L : Long.MAX_VALUE);
            try (Checkpoint checkpoint = Checkpoint.open(out)) {
                fingerprints.add(checkpoint.scan().fingerprint());
            }
        }
        assertThat(fingerprints.get(1)).isEqualTo(fingerprints.get(0));
        assertThat(fingerprints.get(2)).isNotEqualTo(fingerprints.get(0));
    }

    @Test
    void drawsTheQuantilesOfTheNormalDistribution() {
        float[] table = NormalQuantiles.table();
        assertThat(table).hasSize(1 << 16).isSorted();
        // Known quantiles: 0.5, 0.8413447 (one sigma), 0.9772499 (two), 0.9986501 (three).
        assertThat(at(table, 0.5)).isCloseTo(0, within(1e-4));
        assertThat(at(table, 0.8413447)).isCloseTo(1, within(1e-4));
        assertThat(at(table, 0.9772499)).isCloseTo(2, within(4e-4));
        assertThat(at(table, 0.9986501)).isCloseTo(3, within(4e-3));
        assertThat(table[0]).isEqualTo(-table[65535]);
    }

    private static double at(float[] table, double probability) {
        return table[(int) (probability * table.length)];
    }

    @Test
    void writesNothingWithoutRoom() {
        ModelConfig huge = NamedArchitectures.find("llama-3.1-405b").orElseThrow();
        assertThatThrownBy(() -> SyntheticModel.write(huge, DType.F32, 1, folder, bytes -> {}))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("but the disk has");
        assertThat(folder).isEmptyDirectory();
    }

    @ParameterizedTest
    @CsvSource({
        "opt-125m, 125239296",
        "opt-350m, 331196416",
        "opt-1.3b, 1315758080",
        "opt-2.7b, 2651596800",
        "opt-6.7b, 6658473984",
        "opt-13b, 12853473280",
        "gpt2, 124439808",
        "gpt2-medium, 354823168",
        "gpt2-large, 774030080",
        "gpt2-xl, 1557611200",
        "llama-7b, 6738415616",
        "llama-13b, 13015864320",
        "llama-30b, 32528943616",
        "llama-65b, 65285660672",
        "llama-2-70b, 68976648192",
        "llama-3-8b, 8030261248",
        "llama-3-70b, 70553706496",
        "llama-3.1-405b, 405853388800",
        "mistral-7b, 7241732096",
        "qwen2-0.5b, 494032768",
        "qwen2-1.5b, 1543714304",
        "qwen2-7b, 7615616512",
        "qwen3-0.6b, 596049920",
        "qwen3-1.7b, 1720574976",
        "qwen3-4b, 4022468096",
        "qwen3-8b, 8190735360",
        "qwen3-14b, 14768307200",
        "qwen3-32b, 32762123264",
        "roberta-base, 124697433",
        "roberta-large, 355412057",
        "bert-base-uncased, 109514298",
        "bert-large-uncased, 335174458",
        "modernbert-base, 149655232",
        "modernbert-large, 395881664",
        "mixtral-8x7b, 46702792704",
        "mixtral-8x22b, 140620634112",
        "qwen3-30b-a3b, 30532122624",
        "qwen3-235b-a22b, 235093634560",
    })
    void countsTheParametersThatWerePublished(String name, long parameters) {
        ModelConfig config = NamedArchitectures.find(name).orElseThrow();
        ModelLayout layout = ModelLayout.of(NamedArchitectures.program(config), DType.BF16);
        assertThat(layout.elementCount()).isEqualTo(parameters);
    }

    @Test
    void describesEveryNamedArchitecture() {
        assertThat(NamedArchitectures.names()).contains("opt-30b", "opt-66b", "opt-175b");
        for (String name : NamedArchitectures.names()) {
            ModelConfig config = NamedArchitectures.find(name).orElseThrow();
            assertThat(config.where()).isEqualTo(name);
            ModelLayout layout = ModelLayout.of(NamedArchitectures.program(config), DType.BF16);
            assertThat(layout.sizeBytes()).isGreaterThanOrEqualTo(2 * layout.elementCount());
        }
        ModelConfig largest = NamedArchitectures.find("opt-175b").orElseThrow();
        assertThat(ModelLayout.of(NamedArchitectures.program(largest), DType.BF16).elementCount())
                .isBetween(174_000_000_000L, 176_000_000_000L);
        assertThat(NamedArchitectures.find("opt-9000b")).isEmpty();
    }
}
