package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.model.file.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Logits and losses of every architecture against PyTorch's. */
class GoldenForwardTest {
    // A wrong gelu, the smallest mistake tried, moves logits by 6e-4; rounding moves them by 3e-6.
    private static final float LOGIT_BOUND = 3e-5f;
    private static final float LOSS_BOUND = 1e-5f;

    @TempDir Path temp;

    static Stream<String> folders() {
        return Stream.concat(Golden.FOLDERS.stream(), Golden.FORWARD_ONLY.stream());
    }

    @ParameterizedTest
    @MethodSource("folders")
    void agreesWithTheReferenceInTheOlderSpellingOfTheConfiguration(String name)
            throws IOException {
        check(name, Golden.path(name));
    }

    @ParameterizedTest
    @MethodSource("folders")
    void agreesWithTheReferenceInTheNewerSpellingOfTheConfiguration(String name)
            throws IOException {
        Path model = Files.createDirectory(temp.resolve("model"));
        Path golden = Golden.path(name);
        Files.copy(golden.resolve("config.v5.json"), model.resolve("config.json"));
        Files.copy(
                golden.resolve("model.safetensors"),
                model.resolve("model.safetensors"),
                StandardCopyOption.REPLACE_EXISTING);
        check(name, model);
    }

    /** Where it is computed. */
    MemoryConfig memory() {
        return MemoryConfig.DEFAULT;
    }

    private void check(String name, Path model) throws IOException {
        Path input = Golden.path(name).resolve("io.safetensors");
        Path output = temp.resolve("out.safetensors");
        ForwardPass.run(model, input, output, memory());
        try (SafetensorsFile expected = SafetensorsFile.open(input);
                SafetensorsFile actual = SafetensorsFile.open(output)) {
            long[] mask = expected.readLongs("attention_mask");
            float[] logits = actual.readFloats("logits");
            float[] expectedLogits = expected.readFloats("logits");
            assertThat(logits).hasSameSizeAs(expectedLogits);
            int vocabulary = logits.length / mask.length;
            for (int cell = 0; cell < logits.length; cell++) {
                float wanted = mask[cell / vocabulary] == 0 ? 0 : expectedLogits[cell];
                assertThat(logits[cell])
                        .as("logit %d of token %d", cell % vocabulary, cell / vocabulary)
                        .isEqualTo(wanted, within(LOGIT_BOUND));
            }
            assertThat(actual.readFloats("token_loss"))
                    .containsExactly(expected.readFloats("token_loss"), within(LOSS_BOUND));
            assertThat(actual.readFloats("mean_loss")[0])
                    .isEqualTo(expected.readFloats("mean_loss")[0], within(5e-6f));
        }
    }
}
