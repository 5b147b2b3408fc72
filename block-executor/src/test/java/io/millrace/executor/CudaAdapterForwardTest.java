package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.cuda.kernel.HostKit;
import io.millrace.model.file.SafetensorsFile;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Adapters that PEFT saved, beside their bases on a card, with its kernels as host code. */
class CudaAdapterForwardTest {
    private static final float LOGITS = 3e-5f;

    @TempDir Path temp;
    private HostKit kit;

    @BeforeEach
    void install() {
        kit = HostKit.install();
    }

    @AfterEach
    void uninstall() {
        kit.close();
    }

    @ParameterizedTest
    @CsvSource({
        "opt, opt-patterns",
        "gpt2, gpt2-rslora",
        "llama, llama-all-linear",
        "phi3, phi3-fused",
        "gpt_neox, gpt_neox-layers",
        "opt, opt-ia3",
        "gpt2, gpt2-ia3",
        "llama, llama-prompt",
        "gpt2, gpt2-prompt",
        "opt, opt-prefix",
        "qwen2, qwen2-prefix"
    })
    void theLogitsArePefts(String model, String adapter) {
        Path answer = Golden.path("peft/answers/" + adapter + ".safetensors");
        Path output = temp.resolve("out.safetensors");
        ForwardPass.run(
                Golden.path("peft/models/" + model),
                Optional.of(Golden.path("peft/adapters/" + adapter)),
                answer,
                output,
                CudaRuns.onDevice());
        try (SafetensorsFile actual = SafetensorsFile.open(output);
                SafetensorsFile expected = SafetensorsFile.open(answer)) {
            float[] logits = actual.readFloats("logits");
            float[] wanted = expected.readFloats("logits");
            assertThat(logits).hasSameSizeAs(wanted);
            for (int i = 0; i < wanted.length; i++) {
                assertThat(logits[i]).as("logit " + i).isCloseTo(wanted[i], within(LOGITS));
            }
        }
    }
}
