package io.millrace.model.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import io.millrace.model.Checkpoint;
import io.millrace.model.TestModels;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HubModelsTest {
    private static final Path ID = Path.of("org", "tiny");

    @TempDir Path temp;

    private FakeHub hub;
    private final List<String> said = new ArrayList<>();
    private long progress;
    private Optional<String> token = Optional.empty();
    private Duration silence = Duration.ofSeconds(20);

    @BeforeEach
    void fill() throws IOException {
        hub = new FakeHub();
        for (String name : List.of("config.json", "model.safetensors")) {
            hub.files.put(name, Files.readAllBytes(TestModels.GPT2.resolve(name)));
        }
        hub.files.put("vocab.json", "{}".getBytes(StandardCharsets.UTF_8));
        hub.files.put("LICENSE", "as you like".getBytes(StandardCharsets.UTF_8));
        hub.files.put("pytorch_model.bin", new byte[9]);
        hub.files.put("flax_model.msgpack", new byte[9]);
        hub.files.put("onnx/model.onnx", new byte[9]);
        hub.files.put("../outside", new byte[9]);
        hub.files.put("README.md", new byte[9]);
    }

    @AfterEach
    void close() {
        hub.close();
    }

    @Test
    void bringsWhatIsNeededInTheLayoutOfTheLibrary() throws IOException {
        Path snapshot = models().folder(ID);

        Path model = temp.resolve("hub/models--org--tiny");
        assertThat(snapshot).isEqualTo(model.resolve("snapshots/" + FakeHub.COMMIT));
        assertThat(names(snapshot))
                .containsExactly("LICENSE", "config.json", "model.safetensors", "vocab.json");
        assertThat(model.resolve("refs/main")).hasContent(FakeHub.COMMIT);
        assertThat(Files.readSymbolicLink(snapshot.resolve("model.safetensors")))
                .isEqualTo(
                        Path.of("../../blobs", FakeHub.sha256(hub.files.get("model.safetensors"))));
        assertThat(Files.readSymbolicLink(snapshot.resolve("config.json")))
                .isEqualTo(Path.of("../../blobs", FakeHub.gitHash(hub.files.get("config.json"))));
        assertThat(names(model.resolve("blobs"))).hasSize(4).noneMatch(n -> n.contains("."));
        assertThat(names(temp)).containsExactly("hub");
        assertThat(progress)
                .isEqualTo(names(snapshot).stream().mapToLong(n -> hub.files.get(n).length).sum());
        assertThat(said).hasSize(2).allMatch(line -> line.startsWith("downloading org/tiny from"));
        try (Checkpoint checkpoint = Checkpoint.open(snapshot)) {
            assertThat(checkpoint.layout().tensorCount()).isEqualTo(40);
        }
    }

    @Test
    void whatIsInTheCacheIsNotAskedFor() throws IOException {
        Path first = models().folder(ID);
        hub.requests.clear();

        assertThat(models().folder(ID)).isEqualTo(first);
        assertThat(models().folder(temp.resolve("hub/models--org--tiny"))).isEqualTo(first);
        assertThat(offline().folder(ID)).isEqualTo(first);
        assertThat(hub.requests).isEmpty();
    }

    @Test
    void aFolderOfThatNameAlwaysWins() throws IOException {
        Path folder = Files.createDirectories(temp.resolve("org/tiny"));
        assertThat(models().folder(folder)).isEqualTo(folder);
        Path file = Files.createFile(temp.resolve("file"));
        assertThat(models().folder(file)).isEqualTo(file);
        Path nothing = temp.resolve("nothing");
        assertThat(models().folder(nothing)).isEqualTo(nothing);
        for (String path :
                List.of("nothing", "a/b/c", "../x", "./org/tiny", "org/", "-a/b", "a--b/c")) {
            assertThat(models().folder(Path.of(path.equals("./org/tiny") ? "./../org/tiny" : path)))
                    .isEqualTo(Path.of(path.equals("./org/tiny") ? "./../org/tiny" : path));
        }
        assertThat(hub.requests).isEmpty();
    }

    @Test
    void aCacheFolderWithoutMainStandsForItsOnlySnapshot() throws IOException {
        Path snapshot = models().folder(ID);
        Path cached = temp.resolve("hub/models--org--tiny");
        Files.delete(cached.resolve("refs/main"));
        assertThat(models().folder(cached)).isEqualTo(snapshot);
        Files.createDirectory(cached.resolve("snapshots").resolve("f".repeat(40)));
        assertThatThrownBy(() -> models().folder(cached))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("has 2 snapshots, and no refs/main to choose one");
    }

    @Test
    void aRevisionIsAskedFor() throws IOException {
        Path snapshot = models().folder(Path.of("org/tiny@v1.0"));
        assertThat(snapshot.getFileName()).hasToString(FakeHub.COMMIT);
        assertThat(hub.requests).contains("GET /api/models/org/tiny/revision/v1.0");
        assertThat(temp.resolve("hub/models--org--tiny/refs/v1.0")).exists();
        assertThat(offline().folder(Path.of("org/tiny@" + FakeHub.COMMIT))).isEqualTo(snapshot);
    }

    @Test
    void aConnectionThatIsCutIsGoneOnWith() throws IOException {
        hub.cuts.addAll(List.of(1000, 0, 70_000, 1));
        Path snapshot = models().folder(ID);
        assertThat(snapshot.resolve("model.safetensors"))
                .hasBinaryContent(hub.files.get("model.safetensors"));
        assertThat(hub.requests.stream().filter(r -> r.equals("GET /model.safetensors")))
                .hasSize(5);
    }

    @Test
    void aDownloadThatWasGivenUpIsGoneOnWithByTheNextCommand() throws IOException {
        hub.cuts.addAll(List.of(5000, 0, 0, 0, 0, 0));
        assertRefused("model.safetensors stops at byte 5000 of ");
        Path model = temp.resolve("hub/models--org--tiny");
        assertThat(model.resolve("refs")).doesNotExist();
        String part = FakeHub.sha256(hub.files.get("model.safetensors")) + ".incomplete";
        assertThat(model.resolve("blobs").resolve(part)).hasSize(5000);

        hub.cuts.clear();
        progress = 0;
        Path snapshot = models().folder(ID);

        assertThat(snapshot.resolve("model.safetensors"))
                .hasBinaryContent(hub.files.get("model.safetensors"));
        assertThat(progress).isEqualTo(hub.files.get("model.safetensors").length - 5000);
    }

    @Test
    void aServerThatCannotGoOnBeginsAgain() throws IOException {
        hub.ranges = false;
        hub.cuts.add(5000);
        Path snapshot = models().folder(ID);
        assertThat(snapshot.resolve("model.safetensors"))
                .hasBinaryContent(hub.files.get("model.safetensors"));
    }

    @Test
    void aConnectionThatFallsSilentIsGivenUp() throws IOException {
        hub.stalls = true;
        silence = Duration.ofMillis(700);
        hub.cuts.add(5000);
        Path snapshot = models().folder(ID);
        assertThat(snapshot.resolve("model.safetensors"))
                .hasBinaryContent(hub.files.get("model.safetensors"));
    }

    @Test
    void whatWasThereBeforeAndIsOfNoUseComesAnew() throws IOException {
        Path blobs = Files.createDirectories(temp.resolve("hub/models--org--tiny/blobs"));
        String part = FakeHub.sha256(hub.files.get("model.safetensors")) + ".incomplete";
        Files.write(blobs.resolve(part), new byte[7777]);
        Path snapshot = models().folder(ID);
        assertThat(snapshot.resolve("model.safetensors"))
                .hasBinaryContent(hub.files.get("model.safetensors"));
    }

    @Test
    void contentOfAnotherHashIsNotKept() throws IOException {
        hub.etags.put("model.safetensors", "0".repeat(64));
        assertRefused("model.safetensors came with another SHA-256 than the hub says, 0000");
        hub.etags.put("config.json", "1".repeat(40));
        assertRefused("config.json came with another git hash than the hub says, 1111");
        Path model = temp.resolve("hub/models--org--tiny");
        assertThat(names(model.resolve("blobs"))).noneMatch(name -> name.startsWith("0000"));
        assertThat(model.resolve("snapshots/" + FakeHub.COMMIT + "/model.safetensors"))
                .doesNotExist();
        assertThat(model.resolve("refs")).doesNotExist();
    }

    @Test
    void aHashMustBeOne() throws IOException {
        for (String hash : List.of("../../../x", "abc", "A".repeat(64), "")) {
            hub.etags.put("config.json", hash);
            assertRefused("says neither hash nor size of config.json");
        }
    }

    @Test
    void theTokenGoesToTheHubAlone() throws IOException {
        hub.token = Optional.of("hf_secret");
        token = Optional.of("hf_secret");
        models().folder(ID);
        assertThat(hub.requests)
                .filteredOn(request -> !request.contains("/api/") && !request.contains("/resolve/"))
                .containsExactly("GET /model.safetensors");
        assertThat(hub.requests)
                .filteredOn(request -> request.contains("/api/") || request.contains("/resolve/"))
                .allMatch(request -> request.endsWith(" with a token"));
    }

    @Test
    void aModelThatWasRenamedIsFollowed() throws IOException {
        hub.renamedTo = "other/tiny";
        assertThat(models().folder(ID).resolve("config.json")).exists();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "401 |               | there is no such folder, and no such model that anyone may have",
                "403 | GatedRepo     | lets only those have it who accepted its conditions (403)",
                "404 | RepoNotFound  | no such model (404); check the path or name",
                "404 | RevisionNotFound | no such revision (404)",
                "418 |               | answers 418",
                "500 |               | answers 500"
            })
    void saysWhatTheHubRefuses(int status, String code, String line) {
        hub.errorStatus = status;
        hub.error = Optional.ofNullable(code);
        assertRefused(line);
        assertThat(temp.resolve("hub")).doesNotExist();
    }

    @Test
    void saysThatATokenIsRefused() {
        hub.token = Optional.of("hf_other");
        token = Optional.of("hf_secret");
        assertRefused("refuses the token (401); check the name, and HF_TOKEN");
    }

    @Test
    void saysWhatARepositoryLacks() {
        hub.files.remove("model.safetensors");
        hub.files.remove("pytorch_model.bin");
        assertRefused("no weights in a form that is read, only [flax_model.msgpack]");
        hub.files.remove("config.json");
        assertRefused("the hub's repository has no config.json");
        hub.commit = "../../x";
        assertRefused("names no commit in 'sha'");
    }

    @Test
    void withoutANetworkOnlyTheCacheIsLookedAt() throws IOException {
        assertThatThrownBy(() -> offline().folder(ID))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("org/tiny: there is no such folder, and the cache")
                .hasMessageContaining("does not have it; check the path, or go online");
        Path snapshot = models().folder(ID);
        Files.delete(snapshot.resolve("model.safetensors"));
        assertThatThrownBy(() -> offline().folder(ID))
                .hasMessageContaining("has only a part of it");
        assertThat(models().folder(ID).resolve("model.safetensors")).exists();
    }

    @Test
    void shardsComeByTheirIndex() throws IOException {
        hub.files.remove("model.safetensors");
        for (Path file : listed(TestModels.SHARDED)) {
            hub.files.put(file.getFileName().toString(), Files.readAllBytes(file));
        }
        hub.files.put("model-00009-of-00009.safetensors", new byte[9]);
        Path snapshot = models().folder(ID);
        assertThat(names(snapshot))
                .contains("model-00003-of-00003.safetensors")
                .doesNotContain("model-00009-of-00009.safetensors", "pytorch_model.bin");
        Checkpoint.open(snapshot).close();
    }

    @Test
    void anAddressThatNobodyAnswersIsOneLine() {
        URI nobody = hub.endpoint();
        hub.close();
        HubModels models = new HubModels(settings(nobody), said::add, bytes -> {});
        assertThatThrownBy(() -> models.folder(ID))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining(
                        "org/tiny: there is no such folder, and it cannot be had from")
                .hasMessageContaining("check the path, the network");
    }

    @Test
    void settingsComeFromTheVariablesOfTheLibrary() throws IOException {
        Path home = temp.resolve("home");
        HubSettings usual = HubSettings.of(Map.of(), home);
        assertThat(usual.cache()).isEqualTo(home.resolve(".cache/huggingface/hub"));
        assertThat(usual.endpoint()).hasToString("https://huggingface.co");
        assertThat(usual.token()).isEmpty();
        assertThat(usual.offline()).isFalse();
        Files.createDirectories(home.resolve("hf"));
        Files.writeString(home.resolve("hf/token"), "hf_file\n");
        HubSettings told =
                HubSettings.of(
                        Map.of(
                                "HF_HOME", "~/hf",
                                "HF_ENDPOINT", "http://mirror:80/",
                                "HF_HUB_OFFLINE", "true"),
                        home);
        assertThat(told.cache()).isEqualTo(home.resolve("hf/hub"));
        assertThat(told.endpoint()).hasToString("http://mirror:80");
        assertThat(told.token()).contains("hf_file");
        assertThat(told.offline()).isTrue();
        assertThat(HubSettings.of(Map.of("HF_HUB_CACHE", "/c", "HF_HOME", "/h"), home).cache())
                .isEqualTo(Path.of("/c"));
        assertThat(HubSettings.of(Map.of("XDG_CACHE_HOME", "/x"), home).cache())
                .isEqualTo(Path.of("/x/huggingface/hub"));
        for (String address : List.of("mirror", "ftp://mirror", "http://a b")) {
            assertThatThrownBy(() -> HubSettings.of(Map.of("HF_ENDPOINT", address), home))
                    .isInstanceOf(BadInputException.class)
                    .hasMessageContaining("HF_ENDPOINT: '" + address + "' is no address");
        }
    }

    private void assertRefused(String line) {
        assertThatThrownBy(() -> models().folder(ID))
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith("org/tiny: ")
                .hasMessageContaining(line)
                .hasMessageNotContaining("\n");
    }

    private HubModels models() {
        return new HubModels(settings(), said::add, bytes -> progress += bytes);
    }

    private HubModels offline() {
        return new HubModels(settings().withoutNetwork(), said::add, bytes -> {});
    }

    private HubSettings settings() {
        return settings(hub.endpoint());
    }

    private HubSettings settings(URI endpoint) {
        HubSettings.Patience patience = new HubSettings.Patience(silence, Duration.ofMillis(1));
        return new HubSettings(temp.resolve("hub"), endpoint, token, false, patience);
    }

    private static List<String> names(Path folder) throws IOException {
        return listed(folder).stream().map(file -> file.getFileName().toString()).toList();
    }

    private static List<Path> listed(Path folder) throws IOException {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.sorted().toList();
        }
    }
}
