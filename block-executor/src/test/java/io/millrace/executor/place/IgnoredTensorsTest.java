package io.millrace.executor.place;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class IgnoredTensorsTest {
    private static final Path FOLDER = Path.of("model");

    @Test
    void namesAFewAndCountsAll() {
        assertThat(IgnoredTensors.line(FOLDER, List.of("a.lora_A")))
                .isEqualTo(
                        "model holds a tensor that config.json does not ask for; not used, copied as"
                                + " stored: a.lora_A");
        assertThat(IgnoredTensors.line(FOLDER, List.of("a", "b", "c", "d", "e", "f")))
                .isEqualTo(
                        "model holds 6 tensors that config.json does not ask for; not used, copied"
                                + " as stored: a, b, c, d, e, ...");
    }
}
