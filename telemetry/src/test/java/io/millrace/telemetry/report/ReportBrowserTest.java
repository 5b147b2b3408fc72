package io.millrace.telemetry.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The page in a real browser; skipped where {@code chromedriver} is not on the path. */
class ReportBrowserTest {
    private static final String CENTRE_OF_A_SPAN =
            """
            const canvas = document.getElementById('timeline');
            canvas.scrollIntoView({block: 'center'});
            const box = canvas.getBoundingClientRect();
            const from = Number(canvas.dataset.from), to = Number(canvas.dataset.to);
            const span = DATA.spans['compute'][2];
            const x = Timeline.LABEL_WIDTH + (span[2] + span[3] / 2 - from) / (to - from) * (box.width - Timeline.LABEL_WIDTH);
            const y = Timeline.AXIS + Timeline.ROW + Timeline.GAP + Timeline.IDLE_ROW + Timeline.GAP + Timeline.ROW / 2;
            return [Math.round(box.left + x), Math.round(box.top + y)];
            """;

    @TempDir static Path folder;
    private static Browser browser;
    private static Path page;

    @BeforeAll
    static void openBrowser() throws IOException {
        assumeTrue(Browser.driver().isPresent(), "no chromedriver on the path");
        page = folder.resolve("report.html");
        Profile profile = new MadeUpRun(6).taking(14, 10, 3, 1).profile(1, 3);
        HtmlReport.write(
                page,
                new ProfileData(
                        profile,
                        Findings.of(profile, new BytesPerLane()),
                        MachineLimits.UNKNOWN,
                        Wear.of(profile, OptionalLong.of(600_000_000_000_000L))),
                Map.of("lr", 1e-6),
                "2026-01-01 12:00");
        browser = Browser.start(Browser.driver().orElseThrow(), folder);
    }

    @AfterAll
    static void closeBrowser() {
        if (browser != null) {
            browser.close();
        }
    }

    @BeforeEach
    void openPage() {
        browser.open(page);
    }

    @Test
    void showsEverythingWithoutAWordOnTheConsole() {
        assertThat(text("h1")).startsWith("This run waits for nvme-read");
        assertThat(count("#steps tbody tr")).isEqualTo(3);
        assertThat(count("#blocks tbody tr")).isEqualTo(6);
        assertThat(count("#lanes tbody tr")).isEqualTo(5);
        assertThat(count("#memory svg")).isEqualTo(2);
        assertThat(text("#share-legend")).contains("waits for nvme-read").doesNotContain("h2d");
        assertThat(text("#wear")).contains("A drive rated for 600 TB written");
        assertThat(text("main")).doesNotContain("NaN", "undefined", "Infinity");
        assertThat(browser.console()).isEmpty();
    }

    @Test
    void zoomsAndMovesByKeyAndButton() {
        double whole = shown();
        browser.run("document.getElementById('timeline').focus()");
        browser.press("+");
        double zoomed = shown();
        assertThat(zoomed).isCloseTo(whole * 0.6, within(whole * 1e-6));

        double from = from();
        browser.press("\uE014"); // arrow right
        assertThat(from()).isCloseTo(from + zoomed * 0.15, within(zoomed * 1e-6));
        assertThat(shown()).isCloseTo(zoomed, within(zoomed * 1e-6));

        browser.press("0");
        assertThat(from()).isZero();
        browser.run("document.getElementById('zoom-in').click()");
        browser.run("document.getElementById('zoom-out').click()");
        assertThat(shown()).isCloseTo(3 * 6 * 28e3, within(1e-3));
        assertThat(browser.console()).isEmpty();
    }

    @Test
    void tellsWhatIsUnderThePointer() {
        List<?> place = (List<?>) browser.run(CENTRE_OF_A_SPAN);
        browser.hover((Long) place.get(0), (Long) place.get(1));

        assertThat(browser.run("return document.getElementById('tip').hidden")).isEqualTo(false);
        assertThat(text("#tip"))
                .contains("compute, layer 2")
                .contains("10.0 ms, from 71.000 ms")
                .contains("step 2");
    }

    @Test
    void walksThroughSpansByKeyAndSaysThem() {
        browser.run("document.getElementById('timeline').focus()");
        browser.press("n");
        browser.press("n");
        assertThat(text("#said")).startsWith("nvme-read, layer 1; 14.0 ms");
        browser.press("\uE015"); // arrow down
        assertThat(text("#said")).startsWith("compute, layer ");
        browser.press("\uE00C"); // escape
        assertThat(text("#said")).isEmpty();
    }

    @Test
    void isReadableInLightAndInDark() throws IOException {
        browser.colorScheme("light");
        double light = luminance("html", "backgroundColor");
        assertThat(contrast("h1")).isGreaterThan(12);
        assertThat(contrast("#description")).isGreaterThan(4.5);
        Files.write(folder.resolve("light.png"), browser.picture());
        browser.colorScheme("dark");
        assertThat(luminance("html", "backgroundColor")).isLessThan(light / 20);
        assertThat(contrast("h1")).isGreaterThan(12);
        assertThat(contrast("#description")).isGreaterThan(4.5);
        byte[] dark = browser.picture();
        assertThat(dark).isNotEqualTo(Files.readAllBytes(folder.resolve("light.png")));
        browser.colorScheme("light");
    }

    private static double contrast(String selector) {
        double a = luminance(selector, "color") + 0.05;
        double b = luminance("html", "backgroundColor") + 0.05;
        return Math.max(a, b) / Math.min(a, b);
    }

    /** Relative luminance as WCAG 2 defines it. */
    private static double luminance(String selector, String property) {
        Object value =
                browser.run(
                        "return getComputedStyle(document.querySelector('"
                                + selector
                                + "'))."
                                + property
                                + ".match(/[0-9]+/g).slice(0, 3).map(Number)"
                                + ".map(c => c / 255).map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)"
                                + ".reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0)");
        return ((Number) value).doubleValue();
    }

    private static String text(String selector) {
        return browser.run("return document.querySelector('" + selector + "').textContent")
                .toString();
    }

    private static long count(String selector) {
        return (Long) browser.run("return document.querySelectorAll('" + selector + "').length");
    }

    private static double from() {
        return number("Number(document.getElementById('timeline').dataset.from)");
    }

    private static double shown() {
        return number("Number(document.getElementById('timeline').dataset.to)") - from();
    }

    private static double number(String expression) {
        return ((Number) browser.run("return " + expression)).doubleValue();
    }
}
