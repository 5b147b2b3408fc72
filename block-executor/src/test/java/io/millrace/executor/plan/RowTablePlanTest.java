package io.millrace.executor.plan;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.Runs;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.panels.PanelledArchitecture;
import io.millrace.executor.run.RunSetup;
import io.millrace.executor.run.TrainingData;
import io.millrace.memory.Ledger;
import io.millrace.memory.Tier;
import io.millrace.prefetch.plan.Machine;
import io.millrace.prefetch.plan.MachineCatalog;
import io.millrace.telemetry.Lane;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A plan knows what reading single rows of a table takes. */
class RowTablePlanTest {
    private static final int BATCH = 4;
    private static final int WIDTH = 64;
    private static final Machine MACHINE =
            MachineCatalog.assumed(Runtime.getRuntime().availableProcessors(), 1L << 34, 1L << 33);

    @TempDir Path temp;

    @Test
    void ofMemoryAndOfBytes() throws IOException {
        Path model = Runs.model(temp.resolve("model"), "qwen2", "BF16", 2, WIDTH, 96);
        Path cut = PanelledArchitecture.copy(model, temp.resolve("cut"), 128);
        Path data = Runs.data(temp, 31, 10);
        TuneConfig config =
                Runs.config(cut, data, temp.resolve("out")).tune("lora").batchSize(BATCH).build();
        try (RunSetup setup = RunSetup.prepare(config, 0, RunListener.SILENT)) {
            setup.history()
                    .add(setup.runner().run(setup.inputs().of(1), setup.history().updates()));
            int longest =
                    TrainingData.read(config.data(), cut, setup.session().checkpoint().program())
                            .maxLength();
            ModelPlan plan =
                    ModelPlanner.plan(
                            ModelShape.ofFolder(cut, Optional.empty()),
                            new PlanOptions(
                                    BATCH,
                                    OptionalInt.of(config.data().microBatch()),
                                    OptionalInt.of(longest),
                                    config.arithmetic(),
                                    MemoryConfig.DEFAULT),
                            MACHINE,
                            false);
            Ledger ledger = setup.session().ledger();
            assertThat(plan.memory().hostBytes()).isEqualTo(ledger.highWater(Tier.HOST));
            assertThat(plan.forecast().bytes().get(Lane.NVME_READ))
                    .isEqualTo((double) BATCH * longest * WIDTH * 2);
        }
    }
}
