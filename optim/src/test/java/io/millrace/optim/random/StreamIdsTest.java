package io.millrace.optim.random;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Each kind of draw has a number of its own, but for the pairs that no run draws alike. */
class StreamIdsTest {
    @Test
    void noTwoKindsOfDrawsShareANumberButWhatAnAdapterBeginsWith() throws IllegalAccessException {
        Map<Integer, Set<String>> names = new TreeMap<>();
        for (Field field : StreamIds.class.getDeclaredFields()) {
            if (Modifier.isStatic(field.getModifiers()) && field.getType() == int.class) {
                names.computeIfAbsent(field.getInt(null), _ -> new TreeSet<>())
                        .add(field.getName());
            }
        }
        assertThat(names.values().stream().filter(alike -> alike.size() > 1))
                .containsExactlyInAnyOrder(
                        Set.of("ADAPTER_START", "PROJECTED_LEFT"),
                        Set.of("ADAPTER_TOKENS", "DISTANCE_Z"));
    }
}
