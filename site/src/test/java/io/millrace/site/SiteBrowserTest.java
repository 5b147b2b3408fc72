package io.millrace.site;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.telemetry.report.Browser;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The site in a real browser; skipped where {@code chromedriver} is not on the path. */
class SiteBrowserTest {
    private static final String DOWN = "\uE015";
    private static final String ENTER = "\uE007";
    private static final String ESCAPE = "\uE00C";
    private static final String TAB = "\uE004";

    @TempDir static Path folder;
    private static Browser browser;
    private static Path site;

    @BeforeAll
    static void openBrowser() throws IOException {
        assumeTrue(Browser.driver().isPresent(), "no chromedriver on the path");
        site = folder.resolve("site");
        SiteBuilder.build(Path.of("..").toAbsolutePath().normalize(), site);
        browser = Browser.start(Browser.driver().orElseThrow(), folder);
    }

    @AfterAll
    static void closeBrowser() {
        if (browser != null) {
            browser.close();
        }
    }

    @Test
    void fitsPhonesAndDesktopsInLightAndDarkWithoutAWordOnTheConsole() {
        for (String scheme : List.of("light", "dark")) {
            browser.colorScheme(scheme);
            for (int width : List.of(390, 1240)) {
                browser.size(width, 900);
                for (String page :
                        List.of("index.html", "cli.html", "methods/fzoo.html", "data/sst2.html")) {
                    browser.open(site.resolve(page));
                    assertThat(overflow()).as("%s at %d", page, width).isLessThanOrEqualTo(0);
                    assertThat(browser.run("return document.querySelectorAll('h1').length"))
                            .as(page)
                            .isEqualTo(1L);
                }
            }
        }
        assertThat(browser.console()).isEmpty();
    }

    @Test
    void isSearchedAndWalkedByKeyboard() {
        browser.size(1240, 900);
        browser.open(site.resolve("index.html"));
        browser.press(TAB);
        assertThat(focused()).isEqualTo("To the text");
        browser.press("/");
        "lozo".chars().forEach(letter -> browser.press(Character.toString(letter)));
        browser.press(DOWN);
        assertThat(focused()).startsWith("lozo");
        browser.press(ESCAPE);
        assertThat(browser.run("return document.getElementById('found').hidden")).isEqualTo(true);
        browser.press("/");
        browser.press(DOWN);
        browser.press(ENTER);
        assertThat(browser.run("return location.pathname").toString()).contains("lozo");
        assertThat(browser.console()).isEmpty();
    }

    @Test
    void opensItsPagesOnAPhone() {
        browser.size(390, 800);
        browser.open(site.resolve("methods/fzoo.html"));
        String shown = "return getComputedStyle(document.getElementById('pages')).display";
        assertThat(browser.run(shown)).isEqualTo("none");
        browser.run("document.querySelector('.menu').click()");
        assertThat(browser.run(shown)).isEqualTo("block");
        assertThat(browser.run("return document.querySelector('.menu').ariaExpanded"))
                .isEqualTo("true");
    }

    private static String focused() {
        return browser.run("return document.activeElement.textContent").toString();
    }

    private static double overflow() {
        Object value =
                browser.run(
                        "return document.documentElement.scrollWidth"
                                + " - document.documentElement.clientWidth");
        return ((Number) value).doubleValue();
    }
}
