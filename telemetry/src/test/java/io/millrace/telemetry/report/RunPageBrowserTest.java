package io.millrace.telemetry.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The pages of runs in a real browser; skipped where {@code chromedriver} is not on the path. */
class RunPageBrowserTest {
    private static final String RIGHT = "\uE014";
    private static final String END = "\uE010";
    private static final String ESCAPE = "\uE00C";
    private static final String TAB = "\uE004";

    @TempDir static Path folder;
    private static Browser browser;
    private static Path page;
    private static Path runs;

    @BeforeAll
    static void openBrowser() throws IOException {
        assumeTrue(Browser.driver().isPresent(), "no chromedriver on the path");
        Path run = MadeUpFolder.write(folder.resolve("run"), 300, true, Map.of("lr", 1e-6));
        Path other = MadeUpFolder.write(folder.resolve("other"), 100, false, Map.of("lr", 1e-5));
        page = run.resolve("run.html");
        RunPage.write(page, RunRecord.read(run), "2026-01-01 12:00");
        runs = folder.resolve("runs.html");
        RunsPage.write(
                runs,
                new RunsTable(List.of(RunRecord.read(run), RunRecord.read(other))),
                "2026-01-01 12:00");
        browser = Browser.start(Browser.driver().orElseThrow(), folder);
    }

    @AfterAll
    static void closeBrowser() {
        if (browser != null) {
            browser.close();
        }
    }

    @Test
    void showsEverythingWithoutAWordOnTheConsole() {
        for (String scheme : List.of("light", "dark")) {
            browser.colorScheme(scheme);
            browser.open(page);
            assertThat(text("h1")).startsWith("Accuracy went from 50.0");
            assertThat(count("#curve path.line")).isEqualTo(2);
            assertThat(count("#charts svg")).isEqualTo(6);
            assertThat(count("#evals tbody tr")).isEqualTo(4);
            assertThat(count("#memory tbody tr")).isEqualTo(2);
            assertThat(text("main")).doesNotContain("NaN", "undefined", "Infinity");
            assertThat(overflow()).isLessThanOrEqualTo(0);
            browser.open(runs);
            assertThat(count("#curves path.line")).isEqualTo(2);
            assertThat(count("#runs tbody tr")).isEqualTo(2);
            assertThat(text("main")).doesNotContain("NaN", "undefined", "Infinity");
            assertThat(overflow()).isLessThanOrEqualTo(0);
            assertThat(browser.console()).isEmpty();
        }
    }

    @Test
    void tellsTheValuesOfAStepByKey() {
        browser.open(page);
        browser.press(TAB);
        assertThat(browser.run("return document.activeElement.tagName")).isEqualTo("svg");
        browser.press(END);
        String said = "document.querySelector('#curve [aria-live]').textContent";
        assertThat(browser.run("return " + said)).isEqualTo("step 300: training 3, evaluation 6");
        browser.press(ESCAPE);
        assertThat(browser.run("return " + said)).isEqualTo("");
        browser.press(RIGHT);
        assertThat(browser.run("return " + said).toString()).startsWith("step 5: training 0.05");
        assertThat(count("#curve .cursor")).isEqualTo(1);
    }

    @Test
    void aChoiceShowsOtherCurves() {
        browser.open(runs);
        assertThat(text("#curves figcaption")).isEqualTo("Accuracy");
        browser.run("document.querySelectorAll('#choices button')[2].click()");
        assertThat(text("#curves figcaption")).isEqualTo("Training loss");
        assertThat(count("#choices [aria-pressed=true]")).isEqualTo(1);
    }

    private static double overflow() {
        Object value =
                browser.run(
                        "return document.documentElement.scrollWidth"
                                + " - document.documentElement.clientWidth");
        return ((Number) value).doubleValue();
    }

    private static String text(String selector) {
        return browser.run("return document.querySelector('" + selector + "').textContent")
                .toString();
    }

    private static long count(String selector) {
        return (Long) browser.run("return document.querySelectorAll('" + selector + "').length");
    }
}
