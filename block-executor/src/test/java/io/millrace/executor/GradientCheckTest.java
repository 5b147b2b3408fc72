package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.optim.gradient.rule.Lomo;
import io.millrace.optim.optimizer.Optimizers;
import io.millrace.optim.option.Settings;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Slopes by forwards, and inner products with the gradient, of every family. */
class GradientCheckTest {
    private static final double EPS = 1e-3;

    // A token that chooses other experts at one end of a direction makes a jump, not a slope.
    private static final double EPS_OF_MIXTURES = 2e-5;

    @TempDir Path temp;

    static Stream<String> decoders() {
        return Golden.decoders().stream();
    }

    @ParameterizedTest
    @MethodSource("decoders")
    void slopesAreWhatTheGradientSays(String name) throws IOException {
        Path model = Files.createDirectory(temp.resolve("model"));
        JsonObject golden = Golden.json("decoders/" + name);
        DecodersTest.writeModel(model, golden);
        boolean mixture =
                golden.array("tensors").stream()
                        .map(tensor -> (String) ((List<?>) tensor).getFirst())
                        .anyMatch(one -> one.contains("expert") || one.contains("_moe."));
        GradientCheck.Result result =
                GradientCheck.run(
                        new GradientCheck.Asked(
                                model,
                                new ArithmeticConfig(
                                        Settings.NONE.with(Optimizers.KINDS.naming(), Lomo.NAME)),
                                MemoryConfig.DEFAULT,
                                3,
                                9,
                                3,
                                mixture ? EPS_OF_MIXTURES : EPS));
        assertThat(result.worst()).as(result.toString()).isLessThan(2e-2);
    }
}
