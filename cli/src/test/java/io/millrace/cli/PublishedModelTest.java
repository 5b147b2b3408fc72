package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Models as they come from elsewhere: PyTorch's files, good and evil, and caches of a hub. */
class PublishedModelTest {
    private static final Path TORCH = Path.of("../model/src/test/resources/torch");
    private static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

    @TempDir Path temp;

    /** What PyTorch saved beside sound state dicts, a call of the shell among it. */
    static Stream<Path> refused() throws IOException {
        try (Stream<Path> files = Files.list(TORCH)) {
            return files.sorted().toList().stream();
        }
    }

    @ParameterizedTest
    @MethodSource("refused")
    void noPickleLeavesATrace(Path pickle) throws IOException {
        Path model = TestModel.copySample(temp.resolve("model"));
        Files.delete(TestModel.weights(model));
        Files.copy(pickle, model.resolve("pytorch_model.bin"));

        String line =
                new RealCommand(temp)
                        .refused(
                                List.of(
                                        "tune",
                                        "--model=" + model,
                                        "--train=../samples/reviews-dev.jsonl",
                                        "--label-words= terrible, great",
                                        "--out=" + temp.resolve("out")));

        assertThat(line).contains(model.toString());
        assertThat(Path.of("RUN-BY-A-PICKLE")).doesNotExist();
    }

    @Test
    void aCacheFolderIsAModel() throws IOException {
        Path cached = temp.resolve("models--org--tiny");
        Path snapshot = cached.resolve("snapshots").resolve(COMMIT);
        Path blobs = TestModel.copySample(cached.resolve("blobs"));
        Files.createDirectories(snapshot);
        Files.createDirectories(cached.resolve("refs"));
        Files.writeString(cached.resolve("refs/main"), COMMIT);
        try (Stream<Path> files = Files.list(blobs)) {
            for (Path file : files.toList()) {
                Files.createSymbolicLink(
                        snapshot.resolve(file.getFileName()),
                        Path.of("../../blobs").resolve(file.getFileName()));
            }
        }
        Path out = temp.resolve("out");
        Path data = TestModel.data(temp.resolve("ids.jsonl"), 4);

        new RealCommand(temp)
                .done(
                        List.of(
                                "tune",
                                "--model=" + cached,
                                "--train=" + data,
                                "--steps=2",
                                "--out=" + out));

        assertThat(out.resolve("model.safetensors")).exists();
        assertThat(out.resolve("tokenizer.json")).isRegularFile();
        assertThat(Files.readString(out.resolve("run.json")))
                .contains("\"org/tiny@" + COMMIT + "\"")
                .doesNotContain("snapshots");
        assertThat(Files.isSymbolicLink(out.resolve("tokenizer.json"))).isFalse();
        Files.delete(blobs.resolve("model.safetensors"));
        assertThat(
                        new RealCommand(temp)
                                .refused(List.of("eval", "--model=" + cached, "--data=" + data)))
                .contains("is a link to ../../blobs/model.safetensors, which is not there");
    }

    @Test
    void aNameThatIsNowhereIsOneLine() throws IOException {
        Path data = TestModel.data(temp.resolve("ids.jsonl"), 4);
        for (String command : List.of("eval", "profile", "find")) {
            String option = command.equals("eval") ? "--data=" : "--train=";
            assertThat(
                            new RealCommand(temp)
                                    .refused(
                                            List.of(
                                                    command,
                                                    "--offline",
                                                    "--model=facebook/opt-tiny",
                                                    option + data)))
                    .contains("facebook/opt-tiny: there is no such folder, and the cache")
                    .contains("does not have it");
        }
    }
}
