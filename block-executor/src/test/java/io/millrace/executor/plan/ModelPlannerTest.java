package io.millrace.executor.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.Golden;
import io.millrace.executor.Runs;
import io.millrace.executor.TuningRun;
import io.millrace.executor.adapter.LoraKind;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.run.RunSetup;
import io.millrace.executor.run.TrainingData;
import io.millrace.executor.step.StepInput;
import io.millrace.executor.step.StepTaker;
import io.millrace.executor.stranger.StatefulRule;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.Ledger;
import io.millrace.memory.Matmul;
import io.millrace.memory.Tier;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.synthetic.SyntheticModel;
import io.millrace.prefetch.plan.ComputeRates;
import io.millrace.prefetch.plan.FormRates;
import io.millrace.prefetch.plan.Machine;
import io.millrace.prefetch.plan.MachineCatalog;
import io.millrace.telemetry.Lane;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A plan is what a run then does. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class ModelPlannerTest {
    private static final int BATCH = 4; // as Runs has it
    private static final int QUERIES = 2;
    private static final Machine MACHINE =
            MachineCatalog.assumed(Runtime.getRuntime().availableProcessors(), 1L << 34, 1L << 33);

    @TempDir Path temp;

    @ParameterizedTest
    @CsvSource({
        "llama, float32, cpu, 0, 0, 2, mezo-sgd, gaussian",
        "llama, bfloat16, cpu, 0.5, 0, 2, mezo-adam, rademacher",
        "opt, bfloat16, cpu, 0.2, 0, 1, mezo-sgd, gaussian",
        "opt, float32, cpu, 0, -1, 2, mezo-sgd, gaussian",
        "llama, bfloat16, emulated, 0.4, 0.3, 2, mezo-sgd, gaussian",
        "opt, float32, emulated, 0, 0.5, 2, mezo-sgd, gaussian",
        "opt, bfloat16, emulated, -1, -1, 2, mezo-sgd, gaussian",
        "llama, float32, cpu, 0, 0, 2, mezo-sgd, low-rank",
        "llama, float32, cpu, 0.4, 0, 2, toy-sign, toy",
        "opt, bfloat16, cpu, 0.2, 0, 1, lozo-m, low-rank",
        "llama, bfloat16, emulated, 0.4, 0.3, 2, lozo-m, low-rank",
        "opt, bfloat16, emulated, -1, -1, 2, mezo-adam, low-rank"
    })
    void predictedPeaksAreTheLedgersOwnAndMovedBytesAreThePlans(
            String kind,
            String dtype,
            String device,
            double host,
            double onDevice,
            int prefetch,
            String optimizer,
            String perturbation)
            throws IOException {
        Path model = deepModel(kind, dtype);
        Path data = Runs.data(temp, 31, 10);
        Changes changes =
                run -> run.optimizer(optimizer).perturbation(perturbation).rank(3).window(2);
        MemoryConfig memory = budgets(model, data, device, host, onDevice, prefetch, changes);
        TuneConfigBuilder config =
                changes.to(Runs.config(model, data, temp.resolve("out")).memory(memory).steps(4));
        ModelPlan plan = plan(model, data, memory, changes);
        try (RunSetup setup = RunSetup.prepare(config.build(), 0, RunListener.SILENT)) {
            StepTaker runner = setup.runner();
            for (long step = 1; step <= 4; step++) {
                StepInput input = setup.inputs().of(step);
                setup.history().add(runner.run(input, setup.history().updates()));
            }
            Ledger ledger = setup.session().ledger();
            assertThat(plan.memory().hostBytes()).as("host").isEqualTo(ledger.highWater(Tier.HOST));
            assertThat(plan.memory().deviceBytes())
                    .as("device")
                    .isEqualTo(ledger.highWater(Tier.DEVICE));
            assertThat(plan.memory().storeBytes())
                    .as("nvme")
                    .isEqualTo(ledger.highWater(Tier.NVME));
            assertThat(plan.placement().homes())
                    .isEqualTo(setup.model().tiers().tierPlan().placement().homes());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "llama, bfloat16, cpu",
        "opt, float32, cpu",
        "llama, bfloat16, emulated",
        "opt, bfloat16, emulated"
    })
    void theSmallestBudgetsThatAPlanNamesWorkAndNothingBelowThemDoes(
            String kind, String dtype, String device) throws IOException {
        Path model = deepModel(kind, dtype);
        Path data = Runs.data(temp, 32, 10);
        MemoryConfig least = budgets(model, data, device, -1, -1, 2, AS_IT_IS);
        TuningRun.run(
                Runs.config(model, data, temp.resolve("least")).memory(least).steps(2).build(),
                RunListener.SILENT);
        MemoryConfig lessHost =
                memory(device, least.hostBudget().getAsLong() - 4096, least.deviceBudget(), 2);
        assertThatThrownBy(() ->
                        TuningRun.run(
                                Runs.config(model, data, temp.resolve("less"))
                                        .memory(lessHost)
                                        .build(),
                                RunListener.SILENT))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("at least " + least.hostBudget().getAsLong());
        assertThatThrownBy(() -> plan(model, data, lessHost, AS_IT_IS))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("at least " + least.hostBudget().getAsLong());
    }

    @ParameterizedTest
    @ValueSource(strings = {"gaussian", "low-rank"})
    void aRunWithoutBudgetsSaysWhatItChoseAndExpects(String perturbation) throws IOException {
        Path model = deepModel("llama", "float32");
        Path data = Runs.data(temp, 33, 10);
        List<String> said = new ArrayList<>();
        RunListener listener =
                new RunListener() {
                    @Override
                    public Optional<Machine> machine(Path folder) {
                        return Optional.of(MACHINE);
                    }

                    @Override
                    public void onPlan(String line) {
                        said.add(line);
                    }
                };
        TuningRun.run(
                Runs.config(model, data, temp.resolve("out"))
                        .perturbation(perturbation)
                        .steps(1)
                        .build(),
                listener);
        assertThat(said)
                .singleElement()
                .asString()
                .contains("14 of 14 blocks", "a step should take");
        said.clear();
        MemoryConfig told = memory("cpu", 1L << 30, OptionalLong.empty(), 2);
        TuningRun.run(
                Runs.config(model, data, temp.resolve("told"))
                        .memory(told)
                        .perturbation(perturbation)
                        .steps(1)
                        .build(),
                listener);
        assertThat(said).singleElement().asString().startsWith("plan: a step should take");
    }

    @Test
    void foldingSeldomWritesSeldom() {
        ModelShape shape = ModelShape.named("opt-1.3b", Optional.empty());
        PlanOptions options = options(memory("cpu", 1L << 30, OptionalLong.empty(), 2), 4, 128, 1);
        ModelPlan often = ModelPlanner.plan(shape, options, MACHINE, false);
        ModelPlan seldom = ModelPlanner.plan(shape, options.withFoldEvery(8), MACHINE, false);
        double written = often.forecast().bytes().get(Lane.NVME_WRITE);
        assertThat(written).isPositive();
        assertThat(seldom.forecast().bytes().get(Lane.NVME_WRITE)).isEqualTo(written / 8);
        assertThat(often.counsel().hidingTokens()).isPositive();
    }

    @Test
    void lowRankStepsFormNothingAndWriteOnceAWindow() {
        ModelShape shape = ModelShape.named("opt-1.3b", Optional.empty());
        MemoryConfig memory = memory("cpu", 1L << 30, OptionalLong.empty(), 2);
        ModelPlan gaussian = planned(shape, memory, AS_IT_IS);
        ModelPlan lowRank = planned(shape, memory, LOW_RANK);
        double written = gaussian.forecast().bytes().get(Lane.NVME_WRITE);
        assertThat(lowRank.forecast().bytes().get(Lane.NVME_READ))
                .isGreaterThanOrEqualTo(gaussian.forecast().bytes().get(Lane.NVME_READ));
        assertThat(lowRank.forecast().bytes().get(Lane.NVME_WRITE)).isBetween(1d, written / 19);
        assertThat(lowRank.forecast().busySeconds().get(Lane.COMPUTE))
                .isLessThan(gaussian.forecast().busySeconds().get(Lane.COMPUTE));
        ModelPlan many = planned(shape, memory, run -> LOW_RANK.to(run).queries(8));
        assertThat(many.memory().scratchBytes()).isGreaterThan(lowRank.memory().scratchBytes());
        ModelPlan momentum = planned(shape, memory, run -> LOW_RANK.to(run).optimizer("lozo-m"));
        assertThat(momentum.memory().scratchBytes()).isGreaterThan(lowRank.memory().scratchBytes());
        ModelPlan often = planned(shape, memory, run -> LOW_RANK.to(run).foldEvery(1));
        assertThat(often.forecast().stepSeconds()).isGreaterThan(lowRank.forecast().stepSeconds());
        assertThat(often.counsel().advice())
                .anySatisfy(line -> assertThat(line).contains("--fold-every 20"));
        assertThat(lowRank.counsel().sweep()).hasSizeGreaterThan(5);
    }

    private static final Changes LOW_RANK = run -> run.perturbation("low-rank").window(20);

    private static ModelPlan planned(ModelShape shape, MemoryConfig memory, Changes changes) {
        PlanOptions options =
                new PlanOptions(
                        1,
                        OptionalInt.of(1),
                        OptionalInt.of(64),
                        changes.to(run(1)).arithmetic(),
                        memory);
        return ModelPlanner.plan(shape, options, MACHINE, true);
    }

    @Test
    void aProbeThatDidNotKnowADirectionIsAskedForAgain() {
        Machine before = probedBeforeLowRank();
        ModelShape shape = ModelShape.named("gpt2", Optional.empty());
        for (String perturbation : List.of("low-rank", "rademacher")) {
            PlanOptions options =
                    new PlanOptions(
                            1,
                            OptionalInt.empty(),
                            OptionalInt.empty(),
                            run(1).perturbation(perturbation).arithmetic(),
                            MemoryConfig.DEFAULT);
            assertThatThrownBy(() -> ModelPlanner.plan(shape, options, before, true))
                    .isInstanceOf(BadInputException.class)
                    .hasMessageContaining("'" + perturbation + "'")
                    .hasMessageContaining("run 'millrace probe' again");
        }
    }

    private static Machine probedBeforeLowRank() {
        FormRates forms = MACHINE.device().rates().forms();
        return with(
                new FormRates(
                        forms.widenSeconds(),
                        forms.storeSeconds(),
                        Map.of("gaussian", 1e-9),
                        Optional.empty()));
    }

    /** A machine whose probe found a direction that came from elsewhere. */
    private static Machine probedWithToy() {
        FormRates forms = MACHINE.device().rates().forms();
        Map<String, Double> z = new HashMap<>(forms.zSeconds());
        z.put("toy", 1e-9);
        return with(new FormRates(forms.widenSeconds(), forms.storeSeconds(), z, forms.thin()));
    }

    private static Machine with(FormRates forms) {
        ComputeRates rates = MACHINE.device().rates();
        return MACHINE.withDevice(
                MACHINE.device()
                        .withRates(
                                new ComputeRates(
                                        rates.matmuls(),
                                        rates.attentions(),
                                        forms,
                                        rates.passSeconds(),
                                        0,
                                        0,
                                        List.of())));
    }

    @Test
    void aRunSaysThatAnOldProbeDoesNotTellItsStepTime() throws IOException {
        Path model = deepModel("llama", "float32");
        Path data = Runs.data(temp, 34, 10);
        List<String> said = new ArrayList<>();
        RunListener listener =
                new RunListener() {
                    @Override
                    public Optional<Machine> machine(Path folder) {
                        return Optional.of(probedBeforeLowRank());
                    }

                    @Override
                    public void onPlan(String line) {
                        said.add(line);
                    }
                };
        MemoryConfig told = memory("cpu", 1L << 30, OptionalLong.empty(), 2);
        TuneConfigBuilder run = Runs.config(model, data, temp.resolve("out")).memory(told);
        TuningRun.run(run.perturbation("low-rank").steps(1).build(), listener);
        assertThat(said).containsExactly("plan: run 'millrace probe' again to know the step time");
    }

    @Test
    void aCardOf24GibTunes175BillionParametersInASmallerMicroBatch() {
        ModelShape shape = ModelShape.named("opt-175b", Optional.empty());
        Machine machine =
                MachineCatalog.with(
                        MACHINE,
                        new MachineCatalog.Wishes(
                                "rtx4090",
                                OptionalInt.empty(),
                                OptionalInt.of(2),
                                OptionalInt.empty(),
                                OptionalLong.of(128L << 30)),
                        DType.BF16,
                        Matmul.NATIVE);
        PlanOptions options =
                new PlanOptions(
                        32,
                        OptionalInt.empty(),
                        OptionalInt.empty(),
                        run(1).arithmetic(),
                        MemoryConfig.DEFAULT);
        ModelPlan plan = ModelPlanner.plan(shape, options, machine, true);
        assertThat(plan.options().microBatch().orElseThrow()).isLessThan(32);
        assertThat(plan.memory().deviceBytes()).isLessThanOrEqualTo(24L << 30);
        assertThat(plan.memory().hostBytes()).isLessThanOrEqualTo(128L << 30);
        assertThat(plan.placement().homes()).contains(Tier.NVME, Tier.HOST);
        assertThat(plan.forecast().stepSeconds())
                .isGreaterThanOrEqualTo(plan.forecast().boundSeconds());
        assertThat(plan.counsel().sweep()).hasSizeGreaterThan(10);
    }

    @Test
    void statesOfARuleArePlacedWithTheWeights() {
        ModelShape shape = ModelShape.named("gpt2", Optional.empty());
        PlanOptions plain = options(memory("cpu", 1L << 33, OptionalLong.empty(), 2), 1, 64, 1);
        PlanOptions stated =
                new PlanOptions(
                        1,
                        OptionalInt.of(1),
                        OptionalInt.of(64),
                        run(1).optimizer(StatefulRule.NAME).arithmetic(),
                        plain.memory());
        ModelPlan without = ModelPlanner.plan(shape, plain, probedWithToy(), false);
        ModelPlan with = ModelPlanner.plan(shape, stated, probedWithToy(), false);
        long states = with.model().layout().stateBytes();
        assertThat(without.model().layout().stateBytes()).isZero();
        assertThat(states).isGreaterThanOrEqualTo(6 * shape.layout().elementCount());
        assertThat(with.memory().hostBytes())
                .isGreaterThanOrEqualTo(without.memory().hostBytes() + states);
        assertThat(with.memory().minimumHostBytes())
                .isGreaterThan(without.memory().minimumHostBytes());
    }

    /** Blocks are read once for all; each adapter computes, and has memory, of its own. */
    @Test
    void adaptersThatSharePassesReadBlocksOnce() {
        ModelShape shape = ModelShape.named("gpt2", Optional.empty());
        MemoryConfig memory = memory("cpu", 200L << 20, OptionalLong.empty(), 2);
        PlanOptions lone =
                new PlanOptions(
                        1,
                        OptionalInt.of(1),
                        OptionalInt.of(64),
                        run(1).tune("lora")
                                .method(LoraKind.TARGETS, List.of("c_attn"))
                                .arithmetic(),
                        memory);
        ModelPlan one = ModelPlanner.plan(shape, lone, MACHINE, false);
        ModelPlan eight = ModelPlanner.plan(shape, lone.withAdapters(8), MACHINE, false);
        double read = one.forecast().bytes().get(Lane.NVME_READ);
        assertThat(read).isPositive();
        assertThat(eight.forecast().bytes().get(Lane.NVME_READ)).isBetween(read, 1.2 * read);
        double computing = one.forecast().busySeconds().get(Lane.COMPUTE);
        assertThat(eight.forecast().busySeconds().get(Lane.COMPUTE))
                .isCloseTo(8 * computing, within(1e-6 * computing));
        assertThat(eight.forecast().stepSeconds()).isLessThan(8 * one.forecast().stepSeconds());
        assertThat(eight.forecast().tokensPerSecond())
                .isGreaterThan(one.forecast().tokensPerSecond());
        assertThat(eight.besideBytes()).isEqualTo(8 * one.besideBytes()).isPositive();
        assertThat(eight.memory().scratchBytes())
                .isBetween(
                        one.memory().scratchBytes() + 7 * one.besideBytes(),
                        8 * one.memory().scratchBytes());
        PlanOptions full = options(memory, 1, 64, 1);
        assertThatThrownBy(() -> full.withAdapters(2))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("--adapters")
                .hasMessageContaining("add --tune lora");
    }

    /** What is changed of a run, and of the plan for it. */
    private interface Changes {
        TuneConfigBuilder to(TuneConfigBuilder run);
    }

    private static final Changes AS_IT_IS = run -> run;

    private ModelPlan plan(Path model, Path data, MemoryConfig memory, Changes changes) {
        ModelShape shape = ModelShape.ofFolder(model, Optional.empty());
        int longest =
                TrainingData.read(
                                Runs.config(model, data, temp.resolve("none")).build().data(),
                                model,
                                shape.program())
                        .maxLength();
        Machine probed = probedWithToy();
        Machine here = probed.withDevice(probed.device().withName(memory.device()));
        PlanOptions options =
                new PlanOptions(
                        BATCH,
                        OptionalInt.of(BATCH),
                        OptionalInt.of(longest),
                        changes.to(run(QUERIES)).arithmetic(),
                        memory);
        return ModelPlanner.plan(shape, options, here, false);
    }

    private static PlanOptions options(MemoryConfig memory, int batch, int tokens, int queries) {
        return new PlanOptions(
                batch,
                OptionalInt.of(batch),
                OptionalInt.of(tokens),
                run(queries).arithmetic(),
                memory);
    }

    private static TuneConfigBuilder run(int queries) {
        return TuneConfig.builder(Path.of("model"), Path.of("train"), Path.of("out"))
                .queries(queries);
    }

    /**
     * Budgets that leave a share of the weights beside the least; −1 for the least itself, 0 for
     * none.
     */
    private MemoryConfig budgets(
            Path model,
            Path data,
            String device,
            double host,
            double onDevice,
            int prefetch,
            Changes changes) {
        long weights = ModelShape.ofFolder(model, Optional.empty()).layout().sizeBytes();
        ModelPlan loose =
                plan(
                        model,
                        data,
                        memory(device, 1L << 33, OptionalLong.empty(), prefetch),
                        changes);
        OptionalLong deviceBudget = bytes(loose.memory().minimumDeviceBytes(), onDevice, weights);
        ModelPlan some =
                plan(model, data, memory(device, 1L << 33, deviceBudget, prefetch), changes);
        OptionalLong hostBudget = bytes(some.memory().minimumHostBytes(), host, weights);
        return new MemoryConfig(
                device,
                deviceBudget,
                hostBudget,
                Optional.empty(),
                OptionalLong.empty(),
                prefetch,
                true);
    }

    private static OptionalLong bytes(long least, double share, long weights) {
        if (share == 0 || least == 0) {
            return OptionalLong.empty();
        }
        return OptionalLong.of(least + (share < 0 ? 0 : Math.round(share * weights)));
    }

    private static MemoryConfig memory(
            String device, long host, OptionalLong deviceBudget, int prefetch) {
        return new MemoryConfig(
                device,
                deviceBudget,
                OptionalLong.of(host),
                Optional.empty(),
                OptionalLong.empty(),
                prefetch,
                true);
    }

    /** Twelve layers with random weights of a golden configuration. */
    private Path deepModel(String kind, String dtype) throws IOException {
        Map<String, Object> fields =
                new LinkedHashMap<>(Golden.json(kind + "/config.json").fields());
        fields.put("num_hidden_layers", 12L);
        fields.put("hidden_size", 192L);
        fields.put(kind.equals("opt") ? "ffn_dim" : "intermediate_size", 512L);
        fields.computeIfPresent("word_embed_proj_dim", (name, width) -> 192L);
        Path folder = temp.resolve("model");
        SyntheticModel.write(
                ModelConfig.of("config.json", new JsonObject(fields)),
                DType.find(dtype).orElseThrow(),
                7,
                folder,
                bytes -> {});
        return folder;
    }
}
