package io.millrace.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.Properties;
import org.junit.jupiter.api.Test;

class PointerCeilingTest {
    @Test
    void whatSomebodyHasSetStays() {
        Properties properties = new Properties();
        properties.setProperty("org.bytedeco.javacpp.maxPhysicalBytes", "1g");
        PointerCeiling.lift(properties);
        assertThat(properties)
                .isEqualTo(
                        Map.of(
                                "org.bytedeco.javacpp.maxBytes",
                                "0",
                                "org.bytedeco.javacpp.maxPhysicalBytes",
                                "1g"));
    }
}
