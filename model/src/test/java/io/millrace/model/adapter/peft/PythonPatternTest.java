package io.millrace.model.adapter.peft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Patterns mean what they mean in Python, as Python 3.11's re.fullmatch answers them. */
class PythonPatternTest {
    private static PythonPattern compile(String regex) {
        return PythonPattern.compile("file", "target_modules", regex);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ' ',
            quoteCharacter = '`',
            value = {
                "(?P<a>x)\\Z x true",
                "[[]x [x true",
                "[[a-c]&&[b]] b false",
                "[a&&b]+ a&b true",
                "[]x]+ ]x true",
                "[^]]+ xy true",
                "[^]]+ x] false",
                "a\\.b a.b true",
                "a\\.b axb false",
                ".*layers\\.[0-3]\\.(q|v)_proj model.layers.2.v_proj true",
                ".*layers\\.[0-3]\\.(q|v)_proj model.layers.12.v_proj false",
                "q_proj model.q_proj false",
                "(?i)Q_PROJ q_proj true",
                "^q$ q true"
            })
    void theyMeanWhatTheyMeanInPython(String regex, String name, boolean matches) {
        assertThat(compile(regex).matches(name)).isEqualTo(matches);
    }

    @ParameterizedTest
    @ValueSource(strings = {"(", "a)(b", "[", "*", "(?P=a)", "(?P<a_b>x)", "x{,3}"})
    void whatCannotBeReadIsRefused(String regex) {
        assertThatThrownBy(() -> compile(regex))
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith("file: field 'target_modules' has '" + regex + "', which");
    }

    @Test
    void aPatternWithoutEndIsRefused() {
        PythonPattern endless = compile("(([a-z]+)*[a-z]+)*[0-9]");
        assertThatThrownBy(() -> endless.matches("modellayersselfattnqprojqprojqproj."))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("finds no end at 'modellayers");
        assertThatThrownBy(() -> compile("(".repeat(5000) + ")".repeat(5000)))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("longer than any");
    }
}
