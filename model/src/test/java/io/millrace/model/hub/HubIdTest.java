package io.millrace.model.hub;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A model that lies in a cache is known by its id and commit. */
class HubIdTest {
    private static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

    @ParameterizedTest
    @CsvSource({
        "models--facebook--opt-125m/snapshots/COMMIT, facebook/opt-125m@COMMIT",
        "hub/models--a--b-c/snapshots/COMMIT/., a/b-c@COMMIT",
        "models--facebook--opt-125m/blobs/COMMIT,",
        "facebook--opt-125m/snapshots/COMMIT,",
        "models--opt-125m/snapshots/COMMIT,",
        "snapshots/COMMIT,"
    })
    void knowsTheIdOfASnapshot(String path, String id) {
        Optional<String> found =
                HubId.ofSnapshot(Path.of("/cache", path.replace("COMMIT", COMMIT)))
                        .map(HubId::toString);
        assertThat(found)
                .isEqualTo(Optional.ofNullable(id).map(text -> text.replace("COMMIT", COMMIT)));
        found.ifPresent(text -> assertThat(HubId.find(text)).isPresent());
    }
}
