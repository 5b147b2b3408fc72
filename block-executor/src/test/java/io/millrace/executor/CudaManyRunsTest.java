package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.adapter.LoraKind;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.cuda.kernel.HostKit;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.many.ManyListener;
import io.millrace.executor.many.ManyRuns;
import io.millrace.optim.estimate.Estimators;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Adapters that share passes on a card are, byte for byte, those of runs of their own there. */
class CudaManyRunsTest {
    private static final ManyListener SILENT = _ -> RunListener.SILENT;

    /** Of several kinds, numbers of queries and rows, and states. */
    private static final List<UnaryOperator<TuneConfigBuilder>> DIFFERENCES =
            List.of(
                    run -> run.seed(1),
                    run ->
                            run.estimator("one-sided")
                                    .method(Estimators.NORMALIZE, true)
                                    .perturbation("rademacher")
                                    .queries(5)
                                    .batchSize(3)
                                    .microBatch(2),
                    run ->
                            run.optimizer("zo-adam")
                                    .foldEvery(2)
                                    .method(LoraKind.TARGETS, List.of("all-linear"))
                                    .steps(5),
                    run -> run.tune("prompt").eps(1e-2),
                    run -> run.tune("tt").eps(1e-2).steps(2));

    @TempDir Path temp;
    private HostKit kit;
    private Path model;
    private Path data;

    @BeforeEach
    void install() throws IOException {
        kit = HostKit.install();
        model = Runs.model(temp.resolve("model"), "llama", "bfloat16", 4, 64, 128);
        data = Runs.data(temp, 91, 8);
    }

    @AfterEach
    void uninstall() {
        kit.close();
    }

    private TuneConfig config(int run, Path out, MemoryConfig memory) {
        TuneConfigBuilder all =
                Runs.config(model, data, out).tune("lora").steps(4).lr(1e-2).memory(memory);
        boolean goesOn = Files.exists(out.resolve("journal.jsonl"));
        return DIFFERENCES.get(run).apply(all).resume(goesOn).build();
    }

    private List<TuneConfig> configs(String out, MemoryConfig memory) {
        List<TuneConfig> configs = new ArrayList<>();
        for (int run = 0; run < DIFFERENCES.size(); run++) {
            configs.add(config(run, temp.resolve(out).resolve(Integer.toString(run)), memory));
        }
        return configs;
    }

    private void run(String out, MemoryConfig memory) {
        assertThat(ManyRuns.run(configs(out, memory), SILENT))
                .hasSize(DIFFERENCES.size())
                .allMatch(end -> end.summary().isPresent());
    }

    @Tag("long")
    @Test
    void eachIsWhatItWouldBeAlone() throws IOException {
        List<Map<String, byte[]>> alone = new ArrayList<>();
        for (int run = 0; run < DIFFERENCES.size(); run++) {
            Path out = temp.resolve("alone" + run);
            TuningRun.run(config(run, out, CudaRuns.onDevice()), RunListener.SILENT);
            alone.add(Runs.result(out));
        }
        run("together", CudaRuns.onDevice());
        long least =
                Runs.smallestThatWorks(
                        budget -> run("least" + budget, CudaRuns.memory(0, budget, 1, true)));
        MemoryConfig small = CudaRuns.memory(0, least, 1, true);
        assertThat(ManyRuns.run(configs("stopped", small), run -> Runs.stopAfter(1 + run % 3)))
                .hasSize(DIFFERENCES.size());
        run("stopped", CudaRuns.onDevice());
        for (int run = 0; run < DIFFERENCES.size(); run++) {
            for (String out : List.of("together", "least" + least, "stopped")) {
                Path folder = temp.resolve(out).resolve(Integer.toString(run));
                Runs.assertSame(folder, alone.get(run), out + " " + run);
            }
        }
    }
}
