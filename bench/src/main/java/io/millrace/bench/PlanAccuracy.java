package io.millrace.bench;

import io.millrace.bench.program.Folders;
import io.millrace.bench.program.Options;
import io.millrace.executor.TuningRun;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.listen.StepProgress;
import io.millrace.executor.plan.ModelPlan;
import io.millrace.executor.plan.ModelPlanner;
import io.millrace.executor.plan.ModelShape;
import io.millrace.executor.plan.PlanOptions;
import io.millrace.executor.probe.MachineProbe;
import io.millrace.memory.ByteSize;
import io.millrace.memory.DType;
import io.millrace.memory.Tier;
import io.millrace.memory.device.DeviceName;
import io.millrace.model.config.ModelConfig;
import io.millrace.prefetch.plan.Machine;
import io.millrace.prefetch.plan.MachineFile;
import io.millrace.telemetry.Lane;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Predicted beside measured step times. The machine is probed just before each configuration, since
 * one that others use too changes its speed within minutes; no configuration here has a part in a
 * probe. The column "speed" is one product measured before and after the run, over the probe's: far
 * from 1, the machine was not the one that was probed.
 *
 * <pre>
 *   PlanAccuracy FOLDER [--only NAME,NAME] [--steps N] [--machine FILE]
 * </pre>
 */
public final class PlanAccuracy {
    private static final int ROWS = 64;
    private static final int LOWEST_ID = 4;
    private static final double ENOUGH_SECONDS = 10;
    private static final int MOST_STEPS = 60;

    private final Path folder;
    private final Optional<Path> machineFile;
    private final int steps;

    /** One configuration; a host share below 1 leaves so much of the weights beside the least. */
    private record Case(
            String name,
            String arch,
            DType dtype,
            int batch,
            int micro,
            int tokens,
            int queries,
            int foldEvery,
            String perturbation,
            DeviceName device,
            double hostShare,
            double deviceShare) {}

    private static final List<Case> CASES =
            List.of(
                    memory("opt125-f32-8x128", "opt-125m", DType.F32, 8, 128),
                    memory("opt125-f32-1x64", "opt-125m", DType.F32, 1, 64),
                    new Case(
                            "opt125-bf16-4x128-third",
                            "opt-125m",
                            DType.BF16,
                            4,
                            4,
                            128,
                            1,
                            1,
                            "gaussian",
                            DeviceName.CPU,
                            0.33,
                            1),
                    memory("opt125-f32-4x128", "opt-125m", DType.F32, 4, 128),
                    memory("opt125-bf16-1x64", "opt-125m", DType.BF16, 1, 64),
                    lowRank("opt125-f32-1x64-low-rank", DType.F32, 1, 64, 1),
                    lowRank("opt125-f32-4x128-low-rank", DType.F32, 4, 128, 1),
                    lowRank("opt125-f32-4x128-third-low-rank", DType.F32, 4, 128, 0.33),
                    lowRank("opt125-bf16-1x64-low-rank", DType.BF16, 1, 64, 1),
                    lowRank("opt125-bf16-4x128-low-rank", DType.BF16, 4, 128, 1),
                    lowRank("opt125-bf16-1x64-third-low-rank", DType.BF16, 1, 64, 0.33),
                    lowRank("opt125-bf16-4x128-third-low-rank", DType.BF16, 4, 128, 0.33),
                    memory("opt350-bf16-4x128", "opt-350m", DType.BF16, 4, 128),
                    new Case(
                            "opt350-bf16-2x256-quarter",
                            "opt-350m",
                            DType.BF16,
                            2,
                            2,
                            256,
                            1,
                            1,
                            "gaussian",
                            DeviceName.CPU,
                            0.25,
                            1),
                    new Case(
                            "opt350-f32-8x64-micro2",
                            "opt-350m",
                            DType.F32,
                            8,
                            2,
                            64,
                            1,
                            1,
                            "rademacher",
                            DeviceName.CPU,
                            1,
                            1),
                    memory("opt1.3b-bf16-4x128", "opt-1.3b", DType.BF16, 4, 128),
                    new Case(
                            "opt1.3b-bf16-4x128-tenth",
                            "opt-1.3b",
                            DType.BF16,
                            4,
                            4,
                            128,
                            1,
                            1,
                            "gaussian",
                            DeviceName.CPU,
                            0.1,
                            1),
                    new Case(
                            "opt1.3b-bf16-1x64-tenth",
                            "opt-1.3b",
                            DType.BF16,
                            1,
                            1,
                            64,
                            1,
                            1,
                            "rademacher",
                            DeviceName.CPU,
                            0.1,
                            1),
                    new Case(
                            "llama-bf16-4x256-2queries",
                            "llama-small",
                            DType.BF16,
                            4,
                            4,
                            256,
                            2,
                            1,
                            "gaussian",
                            DeviceName.CPU,
                            1,
                            1),
                    new Case(
                            "llama-f32-4x128-emulated",
                            "llama-small",
                            DType.F32,
                            4,
                            4,
                            128,
                            1,
                            1,
                            "gaussian",
                            DeviceName.EMULATED,
                            0.3,
                            0.2),
                    new Case(
                            "opt125-bf16-8x128-emulated",
                            "opt-125m",
                            DType.BF16,
                            8,
                            8,
                            128,
                            1,
                            1,
                            "gaussian",
                            DeviceName.EMULATED,
                            1,
                            0.2),
                    memory("gpt2-f32-4x256", "gpt2", DType.F32, 4, 256),
                    memory("llama-f32-4x128", "llama-small", DType.F32, 4, 128),
                    memory("opt350-bf16-2x256", "opt-350m", DType.BF16, 2, 256),
                    new Case(
                            "gpt2-f32-4x256-fold4",
                            "gpt2",
                            DType.F32,
                            4,
                            4,
                            256,
                            1,
                            4,
                            "gaussian",
                            DeviceName.CPU,
                            1,
                            1));

    private static Case memory(String name, String arch, DType dtype, int batch, int tokens) {
        return new Case(
                name, arch, dtype, batch, batch, tokens, 1, 1, "gaussian", DeviceName.CPU, 1, 1);
    }

    /** A window of ten steps, so that runs of some seconds fold too. */
    private static Case lowRank(String name, DType dtype, int batch, int tokens, double host) {
        return new Case(
                name,
                "opt-125m",
                dtype,
                batch,
                batch,
                tokens,
                1,
                10,
                "low-rank",
                DeviceName.CPU,
                host,
                1);
    }

    private PlanAccuracy(Path folder, Optional<Path> machineFile, int steps) {
        this.folder = folder;
        this.machineFile = machineFile;
        this.steps = steps;
    }

    /** Runs them one after another and prints a line each. */
    public static void main(String[] arguments) throws IOException {
        Options given = new Options(arguments, 1);
        List<String> only =
                given.find("--only").map(names -> List.of(names.split(",", -1))).orElse(List.of());
        PlanAccuracy accuracy =
                new PlanAccuracy(
                        Files.createDirectories(Path.of(arguments[0])),
                        given.find("--machine").map(Path::of),
                        given.number("--steps", 6));
        System.out.println(
                "| configuration | budgets | stays | predicted s | measured s (spread) | ratio | speed | lanes, predicted |");
        System.out.println("|---|---|---|---|---|---|---|---|");
        for (Case one : CASES) {
            if (only.isEmpty() || only.contains(one.name)) {
                accuracy.run(one);
            }
        }
    }

    private void run(Case one) throws IOException {
        Path model = model(one);
        ModelShape shape = ModelShape.ofFolder(model, Optional.empty());
        Machine machine =
                machineFile
                        .map(MachineFile::read)
                        .orElseGet(() -> MachineProbe.run("this machine", folder, what -> {}));
        Machine here = machine.withDevice(machine.device().withName(one.device));
        MemoryConfig free = memory(one, OptionalLong.empty(), OptionalLong.empty());
        ModelPlan loose = ModelPlanner.plan(shape, options(one, free), here, false);
        long weights = shape.layout().sizeBytes();
        OptionalLong host =
                one.hostShare == 1
                        ? OptionalLong.empty()
                        : OptionalLong.of(leastHost(loose) + Math.round(one.hostShare * weights));
        OptionalLong device =
                one.deviceShare == 1
                        ? OptionalLong.empty()
                        : OptionalLong.of(
                                loose.memory().minimumDeviceBytes()
                                        + Math.round(one.deviceShare * weights));
        MemoryConfig memory = memory(one, host, device);
        ModelPlan plan = ModelPlanner.plan(shape, options(one, memory), here, false);
        double before = MachineProbe.matmulReference();
        double[] seconds = measure(one, model, memory, steps(one, plan.forecast().stepSeconds()));
        double speed = (before + MachineProbe.matmulReference()) / 2 / probedReference(machine);
        double median = seconds[seconds.length / 2];
        double predicted = plan.forecast().stepSeconds();
        long stay = plan.placement().homes().stream().filter(home -> home != Tier.NVME).count();
        System.out.printf(
                Locale.ROOT,
                "| %s | %s | %d of %d | %.3f | %.3f (%.3f to %.3f) | %.2f | %.2f | %s |%n",
                one.name,
                host.isEmpty() && device.isEmpty()
                        ? "-"
                        : "host "
                                + (host.isEmpty() ? "-" : ByteSize.format(host.getAsLong()))
                                + (device.isEmpty()
                                        ? ""
                                        : ", device " + ByteSize.format(device.getAsLong())),
                stay,
                plan.placement().homes().size(),
                predicted,
                median,
                seconds[0],
                seconds[seconds.length - 1],
                predicted / median,
                speed,
                plan.forecast().busySeconds().entrySet().stream()
                        .filter(lane -> lane.getValue() > 0 || lane.getKey() == Lane.COMPUTE)
                        .map(lane ->
                                String.format(
                                        Locale.ROOT,
                                        "%s %.3f",
                                        lane.getKey().label(),
                                        lane.getValue()))
                        .collect(Collectors.joining(" ")));
    }

    /**
     * Short steps are taken more often: until the compiler is done with them, and for the median.
     */
    private int steps(Case one, double predicted) {
        int fewest = one.foldEvery == 1 ? steps : Math.max(steps, 2 + 2 * one.foldEvery);
        return Math.clamp((long) (ENOUGH_SECONDS / predicted), fewest, MOST_STEPS);
    }

    /** What the probe had for the product that tells the machine's speed now. */
    private static double probedReference(Machine machine) {
        return machine.device().rates().matmulRate(512, 2048);
    }

    /**
     * Where nothing lies on the drive the least is a block; to stream, it must hold buffers too.
     */
    private static long leastHost(ModelPlan plan) {
        return plan.memory().minimumHostBytes() + (9L << 20);
    }

    private double[] measure(Case one, Path model, MemoryConfig memory, int count)
            throws IOException {
        Path out = folder.resolve("out");
        Folders.delete(out);
        List<Double> seconds = new ArrayList<>();
        TuneConfig config =
                run(one, model, data(one), out)
                        .batchSize(one.batch)
                        .microBatch(one.micro)
                        .steps(count)
                        .lr(1e-7)
                        .shuffle(false)
                        .memory(memory)
                        .build();
        // The first compile; then whole rounds from fold to fold.
        int counted = count - Math.max(2, count / 3);
        int skipped = count - Math.max(one.foldEvery, counted / one.foldEvery * one.foldEvery);
        TuningRun.run(
                config,
                new RunListener() {
                    @Override
                    public void onStep(StepProgress progress) {
                        if (progress.step() > skipped) {
                            seconds.add(progress.stepSeconds());
                        }
                    }
                });
        printLanes(out);
        Folders.delete(out);
        return roundMeans(seconds, one.foldEvery);
    }

    /** Steps differ by what is pending: only the mean from fold to fold says anything. */
    private static double[] roundMeans(List<Double> seconds, int foldEvery) {
        return IntStream.range(0, seconds.size() / foldEvery)
                .mapToDouble(round ->
                        seconds.subList(round * foldEvery, (round + 1) * foldEvery).stream()
                                .mapToDouble(Double::doubleValue)
                                .average()
                                .orElseThrow())
                .sorted()
                .toArray();
    }

    /** What the run itself says of its last step, for whoever wonders about a ratio. */
    private static void printLanes(Path out) throws IOException {
        JsonObject last = null;
        for (String line : Files.readAllLines(out.resolve("metrics.jsonl"))) {
            JsonObject json = Json.parseObject(line);
            last = json.has("step_seconds") ? json : last;
        }
        System.err.printf(
                "last step: %s s, exposed %s s, %s%n",
                last.raw("step_seconds"), last.raw("exposed_transfer_seconds"), last.raw("lanes"));
    }

    private PlanOptions options(Case one, MemoryConfig memory) {
        return new PlanOptions(
                one.batch,
                OptionalInt.of(one.micro),
                OptionalInt.of(one.tokens),
                run(one, folder, folder, folder).arithmetic(),
                memory);
    }

    /** What a step computes, for the plan and for the run. */
    private static TuneConfigBuilder run(Case one, Path model, Path data, Path out) {
        return TuneConfig.builder(model, data, out)
                .queries(one.queries)
                .foldEvery(one.foldEvery)
                .window(one.foldEvery)
                .perturbation(one.perturbation);
    }

    private MemoryConfig memory(Case one, OptionalLong host, OptionalLong device) {
        return new MemoryConfig(
                one.device,
                device,
                host,
                Optional.of(folder.resolve("nvme")),
                OptionalLong.empty(),
                MemoryConfig.DEFAULT.prefetch(),
                true);
    }

    private Path model(Case one) throws IOException {
        return one.arch.equals("llama-small")
                ? BenchModels.of(folder, one.arch, llama(), one.dtype)
                : BenchModels.of(folder, one.arch, one.dtype);
    }

    /** 290 M parameters with grouped heads and a gate. */
    private static ModelConfig llama() {
        return ModelConfig.of(
                "llama-small",
                new JsonObject(
                        Json.parseObject(
                                        """
                                        {"architectures": ["LlamaForCausalLM"], "model_type": "llama",
                                         "vocab_size": 32000, "hidden_act": "silu", "rope_theta": 10000.0,
                                         "tie_word_embeddings": false, "max_position_embeddings": 2048,
                                         "rms_norm_eps": 1e-05, "hidden_size": 1024,
                                         "num_hidden_layers": 20, "num_attention_heads": 16,
                                         "num_key_value_heads": 4, "intermediate_size": 2816}
                                        """)
                                .fields()));
    }

    private Path data(Case one) throws IOException {
        Path file = folder.resolve("rows-" + one.tokens + ".jsonl");
        if (!Files.exists(file)) {
            SplittableRandom random = new SplittableRandom(1);
            List<String> lines = new ArrayList<>();
            for (int row = 0; row < ROWS; row++) {
                List<Long> ids = random.longs(one.tokens, LOWEST_ID, 30000).boxed().toList();
                lines.add(Json.write(Map.of("input_ids", ids, "labels", ids)));
            }
            Files.write(file, lines);
        }
        return file;
    }
}
