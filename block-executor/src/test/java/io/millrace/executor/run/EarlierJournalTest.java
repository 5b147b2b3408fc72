package io.millrace.executor.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.Golden;
import io.millrace.executor.Runs;
import io.millrace.executor.TuningRun;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.DType;
import io.millrace.optim.Rounding;
import io.millrace.optim.journal.JournalReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Journals of version 3 with weight decay, each of four of seven steps, and the digest of what the
 * program that wrote them made of them.
 */
class EarlierJournalTest {
    @TempDir Path temp;
    private Path out;
    private Path data;

    @BeforeEach
    void write() throws IOException {
        out = Files.createDirectories(temp.resolve("out"));
        data = Runs.data(temp, 11, 10);
    }

    @Test
    void aSumOfDirectionsIsReplayedAndGoesOn() throws IOException {
        TuneConfigBuilder run = config("llama").dtype(DType.BF16).rounding(Rounding.STOCHASTIC);
        check(
                "sgd",
                "llama",
                run,
                "fb5753ea0c4e146c10857730c9b75744d2c462fbc79f5f1a310186c3e208008f");
    }

    @Test
    void aRuleWithStatesIsReplayedAndGoesOn() throws IOException {
        check(
                "adam",
                "llama",
                config("llama").optimizer("zo-adam"),
                "14f6b662a244e0d48edab86837605d28c1ad1f8d69fc3df8b18a61e270ac4b0a");
    }

    @Test
    void lowRankMomentumIsReplayedAndGoesOn() throws IOException {
        TuneConfigBuilder run =
                config("opt")
                        .dtype(DType.BF16)
                        .rounding(Rounding.STOCHASTIC)
                        .perturbation("low-rank")
                        .window(3)
                        .optimizer("lozo-m");
        check(
                "lozo-m",
                "opt",
                run,
                "a466b47deeef23077bdd09bd9118d58fc24a7bd1d8f81698bdab992928bc070f");
    }

    private TuneConfigBuilder config(String model) {
        return Runs.config(model, data, out).lr(1e-3).weightDecay(5);
    }

    private void check(String name, String model, TuneConfigBuilder run, String digest)
            throws IOException {
        Path journal = out.resolve("journal.jsonl");
        try (var in =
                EarlierJournalTest.class.getResourceAsStream(
                        "/journal/version-3-" + name + ".jsonl")) {
            Files.copy(in, journal);
        }
        List<String> began = Files.readAllLines(journal);
        Path replayed = temp.resolve("replayed");
        Replay.run(Golden.path(model), journal, replayed);
        assertThat(sha256(replayed.resolve("model.safetensors"))).isEqualTo(digest);

        TuningRun.run(run.resume(true).build(), RunListener.SILENT);
        List<String> lines = Files.readAllLines(journal);
        assertThat(lines.subList(0, 5)).isEqualTo(began);
        assertThat(lines).hasSize(8);
        assertThat(JournalReader.read(journal).version()).isEqualTo(3);
        Path again = temp.resolve("again");
        Replay.run(Golden.path(model), journal, again);
        assertThat(again.resolve("model.safetensors"))
                .hasSameBinaryContentAs(out.resolve("model.safetensors"));
    }

    private static String sha256(Path file) throws IOException {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file));
            return HexFormat.of().formatHex(digest);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }
}
