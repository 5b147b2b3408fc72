package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.listen.RunListener;
import io.millrace.model.WeightScan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RehearsalTest {
    @TempDir Path temp;

    @Test
    void believesAFingerprintThatItIsGiven() throws IOException {
        String fingerprint = "0123456789abcdef".repeat(4);
        Path out = temp.resolve("out");
        TuneConfig config =
                TuneConfig.builder(
                                Golden.path("stories260k"),
                                Files.writeString(
                                        temp.resolve("data.jsonl"), "{\"input_ids\":[1,2,3]}\n"),
                                out)
                        .steps(1)
                        .batchSize(1)
                        .build();
        TuningRun.rehearse(
                config,
                new Rehearsal(
                        1,
                        0,
                        Optional.of(new WeightScan(fingerprint, Map.of(), Optional.empty(), 0))),
                RunListener.SILENT,
                List.of());
        // Weights that are not read a second time cannot have another.
        assertThat(Files.readString(out.resolve("journal.jsonl"))).contains(fingerprint);
    }
}
