package io.millrace.executor;

import io.millrace.executor.config.MemoryConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Logits of encoders whose weights are a function of their names, against those of transformers in
 * float64. One of two rows is padded, on its right or, of RoBERTa, on its left.
 */
class EncodersTest {
    @TempDir Path temp;

    static Stream<String> names() {
        return Golden.encoders().stream();
    }

    @ParameterizedTest
    @MethodSource("names")
    void agreesWithTheReference(String name) throws IOException {
        DecodersTest.assertAgrees(temp, Golden.json("encoders/" + name), memory());
    }

    /** Where it is computed. */
    MemoryConfig memory() {
        return MemoryConfig.DEFAULT;
    }
}
