package io.millrace.telemetry.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.telemetry.Lane;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HtmlReportTest {
    private static final Pattern DATA =
            Pattern.compile(
                    "<script type=\"application/json\" id=\"data\">(.*?)</script>", Pattern.DOTALL);

    @TempDir Path folder;

    @Test
    void isOnePageThatLoadsNothing() throws IOException {
        String page = write(new MadeUpRun(5).profile(1, 3));

        assertThat(page).startsWith("<!DOCTYPE html>").contains("default-src 'none'");
        assertThat(page)
                .doesNotContainPattern("(src|href|url\\()\\s*=?\\s*[\"']?(https?:|//|\\.|/)");
        assertThat(page).doesNotContain("/*style*/", "/*code*/", "/*data*/", "@import", "fetch(");
        assertThat(Pattern.compile("<script").matcher(page).results().count()).isEqualTo(2);
    }

    @Test
    void everyPlaceThatTheCodeFillsIsThereOnce() throws IOException {
        String page = write(new MadeUpRun(5).profile(1, 3));

        Matcher uses = Pattern.compile("(?:byId|table|getElementById)\\('([a-z-]+)'").matcher(page);
        long found =
                uses.results()
                        .map(use -> use.group(1))
                        .distinct()
                        .peek(id ->
                                assertThat(page.split(" id=\"" + id + "\"", -1)).as(id).hasSize(2))
                        .count();
        assertThat(found).isGreaterThan(15);
    }

    @Test
    void holdsTheFiguresOfEveryStepAndEverySpan() throws IOException {
        Profile profile = new MadeUpRun(5).profile(1, 3);

        JsonObject data = data(write(profile));

        assertThat(data.array("steps")).hasSize(3);
        JsonObject step = JsonObject.of((Map<?, ?>) data.array("steps").getFirst());
        assertThat(step.number("start_us")).isZero();
        assertThat(step.number("end_us")).isEqualTo(5 * 17e3);
        assertThat(step.number("hidden_transfer")).isZero();
        for (Lane lane : List.of(Lane.NVME_READ, Lane.COMPUTE, Lane.NVME_WRITE)) {
            assertThat(data.object("spans").array(lane.label())).hasSize(15);
        }
        List<?> span = (List<?>) data.object("spans").array("compute").get(6);
        assertThat(span).isEqualTo(List.of(1L, 3L, 85e3 + 17e3 + 5e3, 10e3, 0L));
        assertThat(data.array("blocks")).hasSize(5);
        JsonObject memory = data.object("memory");
        JsonObject host = JsonObject.of((Map<?, ?>) memory.array("series").getFirst());
        assertThat(host.array("bytes")).hasSameSizeAs(memory.array("times_us"));
        assertThat(host.integer("budget")).isEqualTo(3 * MadeUpRun.BLOCK_BYTES);
        assertThat(data.object("summary").string("finding")).startsWith("This run waits for");
    }

    @Test
    void aNameCannotEndTheData() throws IOException {
        String name = "</script><script>alert(1)</script><!-- \u2028";

        String page = write(new MadeUpRun(2).named(name).profile(0, 1));

        assertThat(page).doesNotContain("alert(1)</script>", "\u2028");
        JsonObject block = JsonObject.of((Map<?, ?>) data(page).array("blocks").getFirst());
        assertThat(block.string("name")).isEqualTo(name + " 0");
    }

    @Test
    void setsRatesBesideWhatTheProbeFound() throws IOException {
        MachineLimits limits =
                MachineLimits.of(
                        Json.parseObject(
                                "{\"nvme\":{\"read_bytes_per_second\":3e9},\"device\":{},\"missing\":[]}"));

        JsonObject lanes =
                data(write(new MadeUpRun(2).profile(0, 1), limits))
                        .object("summary")
                        .object("lanes");

        assertThat(lanes.object("nvme-read").number("limit_bytes_per_second")).isEqualTo(3e9);
        assertThat(lanes.object("nvme-read").number("bytes_per_second"))
                .isEqualTo(MadeUpRun.BLOCK_BYTES / 0.004);
        assertThat(lanes.object("nvme-write").has("limit_bytes_per_second")).isFalse();
    }

    private String write(Profile profile) throws IOException {
        return write(profile, MachineLimits.UNKNOWN);
    }

    private String write(Profile profile, MachineLimits limits) throws IOException {
        Path file = folder.resolve("report.html");
        HtmlReport.write(
                file,
                new ProfileData(
                        profile,
                        Findings.of(profile, new BytesPerLane()),
                        limits,
                        Wear.of(profile, OptionalLong.empty())),
                Map.of("lr", 1e-6),
                "2026-01-01 12:00");
        return Files.readString(file);
    }

    private static JsonObject data(String page) {
        Matcher matcher = DATA.matcher(page);
        assertThat(matcher.find()).isTrue();
        return Json.parseObject(matcher.group(1));
    }
}
