package io.millrace.executor.config.recipe;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.optim.option.OptionTypes;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What is written is what is read again, whatever signs a text has. */
class YamlTextTest {
    private static final String SIGNS =
            " \n\t'\"\\:#-?&*!|>%@`{}[],~=<.eE0123456789+ntrulfasoyN_\u00e4\u0085\u2028\ufeff\ud83d\ude00";

    @Test
    void anyTextComesBack() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        Map<String, Object> fields = new LinkedHashMap<>();
        for (String text : List.of("", " ", "null", "~", "true", "no", "1e-6", "0xff", "- a")) {
            fields.put("n" + fields.size(), text);
        }
        int[] signs = SIGNS.codePoints().toArray();
        for (int i = 0; i < 400; i++) {
            StringBuilder text = new StringBuilder();
            random.ints(random.nextInt(12), 0, signs.length)
                    .forEach(sign -> text.appendCodePoint(signs[sign]));
            fields.put("n" + fields.size(), text.toString());
        }
        String written = YamlText.of(fields);
        Map<String, Object> read = new LinkedHashMap<>();
        for (RecipeField field : YamlFields.read("r.yaml", written)) {
            read.put(field.name(), field.value().as(OptionTypes.TEXT));
        }
        assertThat(read).as("seed " + seed).isEqualTo(fields);
        assertThat(written.lines()).as("seed " + seed).hasSize(fields.size());
    }

    @Test
    void listsAndNumbersComeBack() {
        List<String> words = new ArrayList<>(List.of(" a,b", "0", "null", "x: y", ""));
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("words", words);
        fields.put("numbers", List.of(1.0, 2.5e-7));
        fields.put("lr", 3.3e-7);
        fields.put("most", Long.MAX_VALUE);
        fields.put("truth", false);
        List<RecipeField> read = YamlFields.read("r.yaml", YamlText.of(fields));
        assertThat(read.get(0).value().as(OptionTypes.WORDS)).isEqualTo(words);
        assertThat(read.get(1).value().as(OptionTypes.NUMBERS)).containsExactly(1.0, 2.5e-7);
        assertThat(read.get(2).value().as(OptionTypes.NUMBER)).isEqualTo(3.3e-7);
        assertThat(read.get(3).value().as(OptionTypes.COUNT)).isEqualTo(Long.MAX_VALUE);
        assertThat(read.get(4).value().as(OptionTypes.FLAG)).isFalse();
    }
}
