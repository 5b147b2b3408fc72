package io.millrace.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TuneSampleTest {
    @TempDir private Path folder;

    @Test
    void tenLinesTuneTheSampleModel() {
        Path out = folder.resolve("tuned");
        TuneSample.main(new String[] {"../samples", out.toString(), "20"});
        assertThat(out.resolve("model.safetensors")).isRegularFile();
        assertThat(out.resolve("journal.jsonl")).isRegularFile();
    }
}
