package io.millrace.model.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Rows of relative positions, against those of transformers' own function. */
class RelativeRowsTest {
    @Test
    void everyDistanceHasTheRowOfTransformers() throws IOException, URISyntaxException {
        Path file = Path.of(getClass().getResource("relative-rows.json").toURI());
        for (Object entry : Json.parseObject(Files.readString(file)).array("cases")) {
            JsonObject one = JsonObject.of((Map<?, ?>) entry);
            int buckets = (int) one.integer("buckets");
            int farthest = (int) one.integer("farthest");
            RelativeRows rows =
                    new RelativeRows(
                            buckets > 0 ? buckets : farthest,
                            buckets,
                            farthest,
                            (int) one.integer("positions"));
            List<Integer> expected = new ArrayList<>();
            for (Object run : one.array("runs")) {
                List<?> rowAndCount = (List<?>) run;
                for (long i = 0; i < (Long) rowAndCount.get(1); i++) {
                    expected.add(((Long) rowAndCount.get(0)).intValue());
                }
            }
            assertThat(rows.table())
                    .as("%s", rows)
                    .containsExactly(expected.stream().mapToInt(row -> row).toArray());
        }
    }

    @Test
    void refusesBucketsThatCannotBeToldApart() {
        assertThatThrownBy(() -> new RelativeRows(1, 1, 8, 8))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new RelativeRows(8, 8, 5, 8))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
