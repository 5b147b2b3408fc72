package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.optim.gradient.Lomo;
import io.millrace.optim.option.Settings;
import io.millrace.optim.update.Optimizers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Slopes by forwards, and inner products with the gradient, of every family. */
class GradientCheckTest {
    @TempDir Path temp;

    static Stream<String> decoders() {
        return Golden.decoders().stream();
    }

    @ParameterizedTest
    @MethodSource("decoders")
    void slopesAreWhatTheGradientSays(String name) throws IOException {
        Path model = Files.createDirectory(temp.resolve("model"));
        DecodersTest.writeModel(model, Golden.json("decoders/" + name));
        GradientCheck.Result result =
                GradientCheck.run(
                        new GradientCheck.Asked(
                                model,
                                new ArithmeticConfig(
                                        Settings.NONE.with(
                                                Optimizers.KINDS.naming(), Lomo.NAME)),
                                MemoryConfig.DEFAULT,
                                3,
                                9,
                                3,
                                1e-3));
        assertThat(result.worst()).as(result.toString()).isLessThan(2e-2);
    }
}
