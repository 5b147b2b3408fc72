package io.millrace.model.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import io.millrace.model.Checkpoint;
import io.millrace.model.TestModels;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HubPushTest {
    private static final String WEIGHTS = "model.safetensors";

    @TempDir Path temp;

    private FakeHub hub;
    private List<Path> files;
    private final List<String> said = new ArrayList<>();
    private long progress;
    private Duration silence = Duration.ofSeconds(20);
    private Optional<String> token = Optional.of("hf_secret");
    private String to = "org/tiny";
    private boolean hidden;

    @BeforeEach
    void fill() throws IOException {
        hub = new FakeHub();
        hub.token = token;
        Path folder = Files.createDirectory(temp.resolve("model"));
        for (String name : List.of("config.json", WEIGHTS)) {
            Files.copy(TestModels.GPT2.resolve(name), folder.resolve(name));
        }
        Files.writeString(folder.resolve("NOTICE"), "");
        Files.writeString(folder.resolve("README.md"), "# päge \"quoted\"\n".repeat(9000));
        try (Stream<Path> entries = Files.list(folder)) {
            files = entries.sorted().toList();
        }
    }

    @AfterEach
    void close() {
        hub.close();
    }

    private HubSettings settings(URI endpoint, boolean offline) {
        HubSettings.Patience patience = new HubSettings.Patience(silence, Duration.ofMillis(1));
        return new HubSettings(temp.resolve("hub"), endpoint, token, offline, patience);
    }

    private PushResult push() {
        return pushTo(hub.endpoint());
    }

    private PushResult pushTo(URI endpoint) {
        return new HubPush(
                        settings(endpoint, false),
                        new PushTarget(HubId.find(to).orElseThrow(), hidden),
                        said::add,
                        bytes -> progress += bytes)
                .run(files);
    }

    private void assertRefused(String line) {
        assertThatThrownBy(this::push)
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith(to + ": ")
                .hasMessageContaining(line)
                .hasMessageNotContaining("\n")
                .hasMessageNotContaining("hf_secret");
    }

    private List<PushedFile.Fate> fates(PushResult result) {
        return result.files().stream().map(PushedFile::fate).toList();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 5000, 1 << 20})
    void whatIsPushedComesBackByteForByte(int partBytes) throws IOException {
        hub.uploads.partBytes = partBytes;
        PushResult result = push();

        assertThat(result.address()).hasToString(hub.endpoint() + "/org/tiny");
        assertThat(result.commit()).contains(FakeHub.COMMIT);
        assertThat(fates(result)).containsOnly(PushedFile.Fate.SENT);
        assertThat(hub.uploads.hidden).isFalse();
        assertThat(hub.uploads.commits).hasSize(1);
        for (Path file : files) {
            assertThat(file).hasBinaryContent(hub.files.get(file.getFileName().toString()));
        }
        assertThat(progress).isEqualTo(Files.size(temp.resolve("model").resolve(WEIGHTS)));
        assertThat(said).singleElement().asString().startsWith("pushing ").contains("org/tiny");
        HubSettings settings = settings(hub.endpoint(), false);
        Path back = new HubModels(settings, said::add, _ -> {}).folder(Path.of("org", "tiny"));
        Checkpoint.open(back).close();
    }

    @Test
    void theTokenGoesToTheHubAloneAndItsHeadersToTheStore() {
        push();
        assertThat(hub.uploads.headers).containsEntry("X-from-the-hub", List.of("yes"));
        hub.uploads.partBytes = 7000;
        hub.uploads.objects.clear();
        hub.files.clear();
        push();
        assertThat(hub.requests)
                .filteredOn(request -> request.startsWith("PUT"))
                .hasSizeGreaterThan(2)
                .noneMatch(request -> request.contains("token"));
        assertThat(hub.requests)
                .filteredOn(request -> !request.startsWith("PUT"))
                .allMatch(request -> request.endsWith(" with a token"));
    }

    @Test
    void whatIsThereIsNotSentAgain() throws IOException {
        push();
        hub.requests.clear();
        progress = 0;
        PushResult again = push();
        assertThat(again.commit()).isEmpty();
        assertThat(fates(again)).containsOnly(PushedFile.Fate.UNCHANGED);
        assertThat(again.sentBytes()).isZero();
        assertThat(hub.uploads.commits).hasSize(1);

        Files.writeString(files.getFirst(), "{}");
        assertThat(push().sentBytes()).isEqualTo(Files.size(files.getFirst()));
        assertThat(hub.uploads.commits).last().isEqualTo(Set.of("NOTICE"));
        assertThat(hub.requests).noneMatch(request -> request.startsWith("PUT"));
        assertThat(progress).isZero();
    }

    @Test
    void aPushThatWasGivenUpIsGoneOnWithByTheNextCommand() throws IOException {
        hub.uploads.failures.put(
                "POST /api/models/org/tiny/commit",
                new ArrayList<>(List.of(503, 503, 503, 503, 503)));
        assertRefused("answers 503; check the network; the same command goes on with what is not");
        assertThat(hub.files).isEmpty();
        hub.requests.clear();

        PushResult result = push();
        assertThat(result.files())
                .filteredOn(file -> file.fate() == PushedFile.Fate.KNOWN)
                .extracting(PushedFile::name)
                .containsExactly(WEIGHTS);
        assertThat(hub.requests).noneMatch(request -> request.startsWith("PUT"));
        assertThat(hub.files).containsOnlyKeys("NOTICE", "README.md", "config.json", WEIGHTS);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "POST /api/repos/create",
                "GET /api/models",
                "POST /api/models/org/tiny/preupload",
                "POST /org/tiny.git",
                "PUT /part",
                "POST /complete",
                "POST /verify",
                "POST /api/models/org/tiny/commit"
            })
    void whatPassesIsTriedAgain(String request) throws IOException {
        hub.uploads.partBytes = 100_000;
        hub.uploads.failures.put(request, new ArrayList<>(List.of(503, 429, 500, 408)));
        assertThat(push().commit()).isPresent();
        assertThat(progress).isEqualTo(Files.size(temp.resolve("model").resolve(WEIGHTS)));
    }

    @Test
    void aStoreThatFallsSilentIsGivenUp() {
        hub.uploads.stalls = true;
        silence = Duration.ofMillis(300);
        assertRefused("the connection fell silent; check the network");
        assertThat(progress).isZero();
        hub.uploads.stalls = false;
        silence = Duration.ofSeconds(20);
        assertThat(push().commit()).isPresent();
    }

    @Test
    void aRepositoryIsHiddenWhereThatIsAskedFor() {
        hidden = true;
        push();
        assertThat(hub.uploads.hidden).isTrue();
        push();
        hub.uploads.hidden = false;
        assertRefused("is there already, and everybody can see it; leave out --private, or hide");
    }

    @Test
    void aBranchIsMadeOnce() {
        to = "org/tiny@tuned";
        assertThat(push().address()).hasToString(hub.endpoint() + "/org/tiny/tree/tuned");
        assertThat(hub.uploads.branches).contains("tuned");
        push();
        to = "org/tiny@" + FakeHub.COMMIT;
        assertRefused("its revision is a commit, which nothing can be added to; name a branch");
    }

    @Test
    void theRepositorysRulesLeaveOut() {
        hub.uploads.ignored.add("NOTICE");
        assertThat(fates(push())).containsOnlyOnce(PushedFile.Fate.IGNORED);
        assertThat(hub.files).doesNotContainKey("NOTICE");
    }

    @Test
    void whatOneMayWriteToIsWrittenToByATokenThatMayMakeNothing() {
        hub.uploads.mayMake = false;
        assertRefused(
                "does not let the token write there (403: You don't have the rights to make a"
                        + " model); check the owner's name");
        hub.uploads.exists = true;
        assertThat(push().commit()).isPresent();
        hub.uploads.mayWrite = false;
        assertRefused("does not let the token write there (403: Forbidden: you must write); ");
    }

    @Test
    void saysThatATokenIsRefusedOrMissing() {
        hub.token = Optional.of("hf_other");
        assertRefused(" refuses the token (401: no); check HF_TOKEN, or log in again");
        token = Optional.empty();
        hub.requests.clear();
        assertRefused("there is no token, and http://127.0.0.1:");
        assertThat(hub.requests).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"http://hub.example", "http://127.0.0.1.example", "http://10.0.0.7:80"})
    void aTokenGoesNoOpenWay(String endpoint) {
        assertThatThrownBy(() -> pushTo(URI.create(endpoint)))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("HF_ENDPOINT is " + endpoint)
                .hasMessageContaining("on whose way anybody may read the token; give an address")
                .hasMessageNotContaining("hf_secret");
    }

    @Test
    void nothingGoesWithoutANetwork() {
        HubSettings offline = settings(hub.endpoint(), true);
        assertThatThrownBy(() ->
                        new HubPush(
                                offline,
                                new PushTarget(HubId.find(to).orElseThrow(), false),
                                said::add,
                                _ -> {}))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("nothing goes to a hub without a network; go online");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "POST /api/models/org/tiny/commit | 400 | /commit/main is not accepted (400: not now)",
                "POST /api/models/org/tiny/preupload | 404 | has no such repository or branch, or",
                "PUT /whole | 403 | does not take a large file (403: not now); try again: the same",
                "POST /verify | 422 | /verify is not accepted (422: not now); mend what it says"
            })
    void saysWhatTheHubRefuses(String request, int status, String line) {
        hub.uploads.failures.put(request, new ArrayList<>(List.of(status)));
        assertRefused(line);
        assertThat(hub.files).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"file:///etc", "ftp://127.0.0.1", "nowhere", "http:///x"})
    void whatIsNoAddressOfTheWebIsNotSentTo(String address) {
        hub.uploads.hrefs = address;
        assertRefused("the answer for model.safetensors is none of git-lfs: '" + address);
    }

    @Test
    void aFileThatBecomesShorterIsNoneThatArrives() throws IOException {
        Path weights = temp.resolve("model").resolve(WEIGHTS);
        long size = Files.size(weights);
        assertThatThrownBy(() ->
                        new FileRange(weights, size - 1, 2)
                                .transferTo(OutputStream.nullOutputStream()))
                .isInstanceOf(EOFException.class)
                .hasMessageContaining("has become shorter");
    }
}
