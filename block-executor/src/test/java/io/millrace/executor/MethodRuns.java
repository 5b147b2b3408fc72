package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.BadInputException;
import io.millrace.memory.device.DeviceName;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.OptionalLong;
import java.util.function.UnaryOperator;

/**
 * Runs of one model that have to end with the same bytes.
 *
 * @param temp where they write
 * @param model what they begin with
 * @param data what they tune on
 */
record MethodRuns(Path temp, Path model, Path data) {
    /** What is changed of a run. */
    interface Method extends UnaryOperator<TuneConfigBuilder> {}

    TuneConfigBuilder config(String out, Method method, MemoryConfig memory) {
        return method.apply(Runs.config(model, data, temp.resolve(out)).memory(memory));
    }

    Path run(String out, Method method, MemoryConfig memory) {
        return TuningRun.run(config(out, method, memory).build(), RunListener.SILENT).out();
    }

    /**
     * Takes a method through memory, streams, an emulated device, a stop and going on under another
     * budget, a checkpoint, and a replay.
     *
     * @return the smallest budget of host memory
     */
    long check(Method method) throws IOException {
        Map<String, byte[]> expected = Runs.result(run("memory", method, MemoryConfig.DEFAULT));
        byte[] base = Files.readAllBytes(model.resolve("model.safetensors"));
        assertThat(Arrays.equals(expected.get("model.safetensors"), base)).isFalse();

        long least =
                Runs.smallestBudget(budget ->
                        config("probe" + budget, method, Runs.host(DeviceName.CPU, budget)));
        Runs.assertSame(
                run("streamed", method, Runs.host(DeviceName.CPU, least)), expected, "streamed");
        Runs.assertSame(
                run("emulated", method, Runs.memory(DeviceName.EMULATED, OptionalLong.empty())),
                expected,
                "emulated");

        TuneConfigBuilder stopped = config("resumed", method, Runs.host(DeviceName.CPU, least));
        assertThat(TuningRun.run(stopped.build(), Runs.stopAfter(4)).interrupted()).isTrue();
        TuneConfigBuilder goesOn = config("resumed", method, MemoryConfig.DEFAULT).resume(true);
        Runs.assertSame(
                TuningRun.run(goesOn.build(), RunListener.SILENT).out(), expected, "resumed");

        Path again = temp.resolve("again");
        TuneConfigBuilder kept = config("again", method, MemoryConfig.DEFAULT).checkpointEvery(2);
        assertThat(TuningRun.run(kept.build(), Runs.stopAfter(5)).interrupted()).isTrue();
        TuneConfigBuilder streams =
                config("again", method, Runs.host(DeviceName.CPU, least)).resume(true);
        TuningRun.run(streams.build(), RunListener.SILENT);
        Runs.assertSame(again, expected, "from a checkpoint");

        Path rebuilt = temp.resolve("rebuilt");
        Path journal = temp.resolve("memory").resolve("journal.jsonl");
        if (!config("rebuilt", method, MemoryConfig.DEFAULT).build().arithmetic().isReplayable()) {
            assertThatThrownBy(() -> Replay.run(model, journal, rebuilt))
                    .isInstanceOf(BadInputException.class)
                    .hasMessageContaining("whose steps need the gradient");
            return least;
        }
        Replay.run(model, journal, rebuilt);
        assertThat(Files.readAllBytes(rebuilt.resolve("model.safetensors")))
                .isEqualTo(expected.get("model.safetensors"));
        return least;
    }

    /** Ends a checked run that streams from within, as a crash would, and lets it go on. */
    void checkCut(Method method, long budget) throws IOException {
        TuneConfigBuilder cut = config("cut", method, Runs.host(DeviceName.CPU, budget));
        assertThatThrownBy(() -> TuningRun.run(cut.build(), Runs.cutAfter(3)))
                .isInstanceOf(Runs.Cut.class);
        TuneConfigBuilder goesOn = config("cut", method, Runs.host(DeviceName.CPU, budget));
        TuningRun.run(goesOn.resume(true).build(), RunListener.SILENT);
        Runs.assertSame(temp.resolve("cut"), Runs.result(temp.resolve("memory")), "after a cut");
    }
}
