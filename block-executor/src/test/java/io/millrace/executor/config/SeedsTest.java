package io.millrace.executor.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SeedsTest {
    @ParameterizedTest
    @CsvSource({
        "0, 0",
        "42, 42",
        "0x2a, 42",
        "0X2A, 42",
        "-1, -1",
        "18446744073709551615, -1",
        "0xffffffffffffffff, -1",
        "-9223372036854775808, -9223372036854775808"
    })
    void readsDecimalAndHexadecimalAsTheSameBits(String text, long seed) {
        assertThat(Seeds.parse(text)).isEqualTo(seed);
        assertThat(Seeds.parse(Seeds.format(seed))).isEqualTo(seed);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "seed", "1.5", "0x", "0x-1", "0x+1", "1_000", "2a", " 1"})
    void refusesWhatIsNotANumber(String text) {
        assertThatThrownBy(() -> Seeds.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("is not a seed such as 42 or 0x2a");
    }

    @ParameterizedTest
    @ValueSource(strings = {"18446744073709551616", "-9223372036854775809", "0x10000000000000000"})
    void refusesWhatDoesNotFit(String text) {
        assertThatThrownBy(() -> Seeds.parse(text)).hasMessageContaining("64 bits");
    }
}
