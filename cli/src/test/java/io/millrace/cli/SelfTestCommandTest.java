package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SelfTestCommandTest {
    @TempDir private Path temp;

    @Test
    void everyTryEndsWithTheSameBytesAndNothingIsLeft() {
        Path drive = temp.resolve("drive");
        String said =
                new RealCommand(temp).done(List.of("self-test", "--json", "--nvme-dir=" + drive));
        JsonObject answer = Json.parseObject(said);
        assertThat(answer.bool("ok", false)).as(said).isTrue();
        assertThat(answer.array("findings"))
                .extracting(one -> ((Map<?, ?>) one).get("name"))
                .map(String::valueOf)
                .containsExactly(
                        "drive", "in memory", "streamed", "emulated device", "kill and resume");
        assertThat(said).contains("a step from the drive").contains("killed after ");
        assertThat(drive).isEmptyDirectory();
    }

    @Test
    void aFolderThatIsNoneIsRefused() throws Exception {
        Path file = Files.writeString(temp.resolve("file"), "x");
        assertThat(new RealCommand(temp).refused(List.of("self-test", "--nvme-dir=" + file)))
                .contains("--nvme-dir");
    }
}
