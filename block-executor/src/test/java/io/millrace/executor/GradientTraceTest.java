package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.model.file.SafetensorsFile;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Traces of first-order methods are whole, and see a step that is not theirs. */
class GradientTraceTest {
    private static final int STEPS = 20;

    static Stream<String> names() throws IOException {
        try (Stream<?> files = Files.list(GradientGoldens.path("traces"))) {
            return files
                    .map(file -> file.toString().replaceFirst(".*/", ""))
                    .filter(name -> name.endsWith(".json") && !name.equals("batches.json"))
                    .map(name -> name.replace(".json", ""))
                    .sorted()
                    .toList()
                    .stream();
        }
    }

    private static SafetensorsFile model() {
        return SafetensorsFile.open(Golden.path("stories260k").resolve("model.safetensors"));
    }

    @ParameterizedTest
    @MethodSource("names")
    void everyTraceIsWhole(String name) {
        GradientTrace trace = GradientTrace.read(name);
        assertThat(trace.losses()).hasSize(STEPS);
        assertThat(trace.active()).size().isIn(0, STEPS);
        try (SafetensorsFile model = model()) {
            assertThat(trace.changes())
                    .extracting(change -> change.tensor().name())
                    .containsExactlyInAnyOrderElementsOf(model.tensors().keySet());
            for (GradientTrace.Change change : trace.changes()) {
                assertThat(change.tensor().shape())
                        .isEqualTo(model.tensor(change.tensor().name()).shape());
                // Wider bounds would see nothing.
                assertThat(change.bound()).isLessThanOrEqualTo(change.tensor().norm() / 2);
                float[] begun = model.readFloats(change.tensor().name());
                if (change.tensor().norm() == 0) {
                    change.check(begun, begun);
                } else {
                    assertThatThrownBy(() -> change.check(begun, begun))
                            .isInstanceOf(AssertionError.class)
                            .hasMessageContaining("norm of " + change.tensor().name());
                }
            }
        }
    }

    /** Losses of a model that nothing changes are the trace's at its first step alone. */
    @ParameterizedTest
    @MethodSource("names")
    void lossesMove(String name) {
        GradientTrace trace = GradientTrace.read(name);
        List<Double> begun =
                GradientTrace.numbers(
                        Golden.parse(GradientGoldens.path("traces/batches.json"))
                                .array("losses_at_start"));
        assertThat(begun).hasSize(STEPS);
        for (int step = 0; step < STEPS; step++) {
            List<Double> one = new ArrayList<>(trace.losses());
            one.set(step, begun.get(step));
            if (step == 0) {
                trace.checkLosses(one);
            } else {
                assertThatThrownBy(() -> trace.checkLosses(one))
                        .isInstanceOf(AssertionError.class)
                        .hasMessageContaining("loss of step " + (step + 1));
            }
        }
    }

    @Test
    void batchesAreTwoRowsThatMayDifferInLength() {
        List<JsonObject> batches = GradientTrace.batches();
        assertThat(batches).hasSize(STEPS);
        for (JsonObject batch : batches) {
            assertThat(batch.array("input_ids")).hasSize(2);
            for (int row = 0; row < 2; row++) {
                assertThat((List<?>) batch.array("labels").get(row))
                        .hasSameSizeAs((List<?>) batch.array("input_ids").get(row));
            }
        }
    }
}
