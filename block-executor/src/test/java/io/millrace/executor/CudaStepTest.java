package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.RunListener;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.cuda.HostKit;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a step asks of the driver. */
final class CudaStepTest {
    @TempDir Path temp;
    private HostKit kit;

    @BeforeEach
    void install() {
        kit = HostKit.install();
    }

    @AfterEach
    void uninstall() {
        kit.close();
    }

    @Test
    void moreStepsTakeNoMoreMemoryAndNoMoreWaitsForStreams() throws IOException {
        Map<String, Integer> two = callsOf(2);
        Map<String, Integer> five = callsOf(5);
        for (String call :
                List.of(
                        "cuMemAlloc",
                        "cuMemMap",
                        "cuMemHostRegister",
                        "cuModuleLoadData",
                        "cuStreamSynchronize")) {
            assertThat(five.get(call)).as(call).isEqualTo(two.get(call));
        }
        assertThat(five.get("cuLaunchKernel")).isGreaterThan(2 * two.get("cuLaunchKernel"));
    }

    private Map<String, Integer> callsOf(int steps) throws IOException {
        kit.cuda().clearCalls();
        TuningRun.run(config("steps-" + steps).steps(steps).build(), RunListener.SILENT);
        Map<String, Integer> counts = new TreeMap<>();
        kit.cuda().calls().forEach(call -> counts.merge(call.name(), 1, Integer::sum));
        return counts;
    }

    @Test
    void computingIsTimedByTheDevicesOwnEvents() throws IOException {
        Path out = TuningRun.run(config("timed").steps(3).build(), RunListener.SILENT).out();
        for (String line : Files.readAllLines(out.resolve("metrics.jsonl"))) {
            JsonObject step = Json.parseObject(line);
            double busy = step.object("lanes").object("compute").number("busy_seconds");
            assertThat(busy).isPositive();
            assertThat(busy).isLessThan(step.number("step_seconds") + 1e-3);
        }
    }

    private TuneConfigBuilder config(String name) throws IOException {
        return Runs.config("llama", Runs.data(temp, 41, 10), temp.resolve(name))
                .memory(CudaRuns.onDevice());
    }
}
