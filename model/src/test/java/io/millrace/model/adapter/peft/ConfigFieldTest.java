package io.millrace.model.adapter.peft;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The table in docs/files.md has every field that is known, and says what is made of it. */
class ConfigFieldTest {
    private static final Pattern NAME = Pattern.compile("`([a-z_]+)`");

    @Test
    void theTableIsWhatIsDone() throws IOException {
        String page = Files.readString(Path.of("..", "docs", "files.md"));
        int start = page.indexOf("## The adapter that `merge` reads\n");
        String section = page.substring(start, page.indexOf("\n## ", start));
        Map<String, ConfigField.Use> told = new TreeMap<>();
        section.lines()
                .filter(line -> line.startsWith("| `"))
                .forEach(line -> {
                    String[] cells = line.split(" \\| ", 2);
                    Matcher names = NAME.matcher(cells[0]);
                    while (names.find()) {
                        told.put(names.group(1), use(cells[1]));
                    }
                });
        Map<String, ConfigField.Use> done = new TreeMap<>();
        for (ConfigField field : ConfigField.values()) {
            done.put(field.key(), field.use());
        }
        assertThat(told).isEqualTo(done);
    }

    private static ConfigField.Use use(String said) {
        if (said.startsWith("not read")) {
            return ConfigField.Use.IGNORED;
        }
        return said.startsWith("refused") ? ConfigField.Use.REFUSED : ConfigField.Use.READ;
    }

    @Test
    void everyRefusalHasAReasonAndAMend() {
        Map<ConfigField, String> incomplete = new EnumMap<>(ConfigField.class);
        for (ConfigField field : ConfigField.values()) {
            boolean refused = field.use() == ConfigField.Use.REFUSED;
            if (field.reason().isEmpty() == refused || field.mend().isEmpty() == refused) {
                incomplete.put(field, field.reason());
            }
        }
        assertThat(incomplete).isEmpty();
    }
}
