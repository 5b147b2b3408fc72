package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.adapter.AdapterKinds;
import io.millrace.executor.adapter.Ia3Kind;
import io.millrace.executor.adapter.WindowsKind;
import io.millrace.executor.config.BegunAdapter;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TrainedTensors;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.DType;
import io.millrace.optim.gradient.rule.Lomo;
import io.millrace.optim.option.Settings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Slopes by forwards, and inner products with the gradient, of every adapter that some steps have
 * moved off what it begins as: of a fresh LoRA one factor has none, since the other is zero.
 */
class AdapterGradientsTest {
    @TempDir Path temp;

    static Stream<String> kinds() {
        // Windows are LOZO's own, and a run cannot begin with what another program has brought.
        return AdapterKinds.names().stream()
                .filter(name -> !name.equals(WindowsKind.NAME) && !name.startsWith("toy"));
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void slopesAreWhatTheGradientSays(String kind) throws IOException {
        Path model = Runs.model(temp.resolve("model"), "llama", "float32", 2, 32, 64);
        Path data = Runs.data(temp, 83, 10);
        TuneConfigBuilder run =
                Runs.config(model, data, temp.resolve("run")).tune(kind).lr(1e-1).steps(4);
        Path adapter = TuningRun.run(run.build(), RunListener.SILENT).out();
        TuneConfigBuilder whole =
                TuneConfig.builder(model, data, temp.resolve("fresh")).optimizer(Lomo.NAME);
        Settings told =
                whole.build()
                        .settings()
                        .without(List.of(TrainedTensors.TUNE))
                        .with(BegunAdapter.ADAPTER, adapter);
        TuneConfigBuilder begun = TuneConfig.builder(told);
        for (TuneConfigBuilder one : List.of(begun, whole.tune(kind))) {
            GradientCheck.Result result =
                    GradientCheck.run(
                            new GradientCheck.Asked(
                                    model,
                                    one.build().arithmetic(),
                                    MemoryConfig.DEFAULT,
                                    3,
                                    11,
                                    4,
                                    2e-4));
            assertThat(result.worst()).as(kind + " " + result).isLessThan(1e-2);
            assertThat(result.norm()).as(kind).isGreaterThan(1e-3);
        }
    }

    /** Experts are only gone through then; a fresh adapter moves no token to others. */
    @ParameterizedTest
    @ValueSource(strings = {"lora", "prefix", "ia3"})
    void slopesBesideExpertsAreToo(String kind) throws IOException {
        Path model = MixtureRunsTest.model(temp.resolve("model"), DType.F32);
        TuneConfigBuilder run =
                TuneConfig.builder(model, temp.resolve("data.jsonl"), temp.resolve("out"))
                        .optimizer(Lomo.NAME)
                        .tune(kind);
        if (kind.equals("ia3")) {
            run.method(Ia3Kind.TARGETS, List.of("k_proj", "v_proj"));
        }
        GradientCheck.Result result =
                GradientCheck.run(
                        new GradientCheck.Asked(
                                model,
                                run.build().arithmetic(),
                                MemoryConfig.DEFAULT,
                                3,
                                11,
                                4,
                                1e-4));
        assertThat(result.worst()).as(kind + " " + result).isLessThan(2e-2);
        assertThat(result.norm()).isGreaterThan(1e-4);
    }
}
