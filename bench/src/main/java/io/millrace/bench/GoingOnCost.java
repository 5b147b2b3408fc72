package io.millrace.bench;

import io.millrace.bench.program.Folders;
import io.millrace.bench.program.Options;
import io.millrace.memory.DType;
import io.millrace.model.config.ModelConfig;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * What a kill costs: a run is killed with SIGKILL at some steps and goes on, and the first step
 * after each is held against the first of a fresh run; and what it costs a run to be ready for
 * that.
 *
 * <pre>
 *   GoingOnCost FOLDER [--kills 10,100,300,1000,2000] [--seconds 180]
 *       [--only 1,2,3] [--some 140MiB] [--all 95MiB] [--hidden 512] [--layers 10]
 * </pre>
 *
 * The model has 57 M parameters (OPT shapes, bfloat16, 10 layers of 512); batch 2 × 32 tokens.
 * Three placements, of which {@code --only} picks: all in memory, some blocks streamed, all blocks
 * streamed. Without {@code --kills} numbers, such as {@code --kills 0}, only readiness is measured.
 */
public final class GoingOnCost {
    private static final long MINUTES = 30;
    private static final int WARM_STEPS = 20;

    private final Path folder;
    private final Path model;
    private final Path rows;

    private GoingOnCost(Path folder, long hidden, long layers) throws IOException {
        this.folder = Files.createDirectories(folder);
        String name = "opt-" + hidden + "x" + layers;
        model = BenchModels.of(folder, name, shape(hidden, layers), DType.BF16);
        rows = TuneRun.writeRows(folder.resolve("rows.jsonl"), 64, 32, 30000);
    }

    private record Placement(String name, List<String> options) {}

    /** Measures placement after placement. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        Options given = new Options(arguments, 1);
        GoingOnCost cost =
                new GoingOnCost(
                        Path.of(arguments[0]),
                        given.number("--hidden", 512),
                        given.number("--layers", 10));
        List<Placement> all =
                List.of(
                        new Placement("in memory", List.of()),
                        new Placement(
                                "some blocks stream",
                                List.of("--host-budget=" + given.get("--some", "140MiB"))),
                        new Placement(
                                "all blocks stream",
                                List.of("--host-budget=" + given.get("--all", "95MiB"))));
        List<Placement> placements =
                Arrays.stream(given.get("--only", "1,2,3").split(",", -1))
                        .map(number -> all.get(Integer.parseInt(number) - 1))
                        .toList();
        int[] kills =
                Arrays.stream(given.get("--kills", "10,100,300,1000,2000").split(",", -1))
                        .mapToInt(Integer::parseInt)
                        .filter(kill -> kill > 0)
                        .toArray();
        System.out.println(
                "| placement | killed at step | first step of a fresh run, s | median step, s"
                        + " | first step after going on, s | ratio to the fresh first |");
        System.out.println("|---|---|---|---|---|---|");
        for (Placement placement : placements) {
            cost.kills(placement, kills);
        }
        int seconds = given.number("--seconds", 180);
        System.out.println();
        System.out.println(
                "| placement | seconds | steps | checkpoints, % | syncs, % | settling, % | all, % |");
        System.out.println("|---|---|---|---|---|---|---|");
        for (Placement placement : placements) {
            cost.readiness(placement, seconds);
        }
    }

    private void kills(Placement placement, int[] kills) throws IOException, InterruptedException {
        Path out = folder.resolve("out");
        Folders.delete(out);
        double fresh = 0;
        for (int kill : kills) {
            long before = lines(out.resolve("journal.jsonl"));
            List<String> options = new ArrayList<>(placement.options);
            if (before > 0) {
                options.add("--resume");
            }
            Process process = start(out, 100_000, options);
            // The header is a line too; one step more shows the first one whole.
            await(process, out, Math.max(before + 2, kill + 1));
            process.destroyForcibly().waitFor();
            List<Double> seconds = stepSeconds(out, 0);
            if (before == 0) {
                fresh = seconds.getFirst();
            }
            // What the next start finds is what this kill has left.
            long done = lines(out.resolve("journal.jsonl")) - 1;
            options.remove("--resume");
            options.add("--resume");
            Process next = start(out, 100_000, options);
            await(next, out, done + 4);
            next.destroyForcibly().waitFor();
            double first = stepSeconds(out, done).getFirst();
            System.out.printf(
                    Locale.ROOT,
                    "| %s | %d | %.3f | %.3f | %.3f | %.2f |%n",
                    placement.name,
                    done,
                    fresh,
                    DeviceCopies.median(seconds.stream().mapToDouble(one -> one).toArray()),
                    first,
                    first / fresh);
        }
        Folders.delete(out);
    }

    /**
     * What a run's own clock says of making steps durable, as shares of the time. Steps wait for
     * checkpoints; syncs and writes of blocks that stay go on beside them.
     */
    private void readiness(Placement placement, int seconds)
            throws IOException, InterruptedException {
        Path out = folder.resolve("ready");
        Folders.delete(out);
        Process process = start(out, 1_000_000, placement.options);
        await(process, out, WARM_STEPS + 1);
        long beganNs = System.nanoTime();
        long before = lines(out.resolve("journal.jsonl"));
        TimeUnit.SECONDS.sleep(seconds);
        process.destroyForcibly().waitFor();
        double took = (System.nanoTime() - beganNs) * 1e-9;
        Map<String, Double> durable = new LinkedHashMap<>();
        for (JsonObject line : metrics(out)) {
            if (line.has("durable_by") && line.integer("step") >= before) {
                durable.merge(
                        line.string("durable_by"), line.number("durable_seconds"), Double::sum);
            }
        }
        System.out.printf(
                Locale.ROOT,
                "| %s | %.0f | %d | %s | %s | %s | %.3f |%n",
                placement.name,
                took,
                lines(out.resolve("journal.jsonl")) - before,
                share(durable, "checkpoint", took),
                share(durable, "sync", took),
                share(durable, "settle", took),
                100 * durable.values().stream().mapToDouble(one -> one).sum() / took);
        Folders.delete(out);
    }

    private static String share(Map<String, Double> durable, String by, double of) {
        return String.format(Locale.ROOT, "%.3f", 100 * durable.getOrDefault(by, 0.0) / of);
    }

    private Process start(Path out, int steps, List<String> options) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("millrace.home"), "millrace").toString());
        command.addAll(
                List.of(
                        "tune",
                        "--model=" + model,
                        "--train=" + rows,
                        "--out=" + out,
                        "--steps=" + steps,
                        "--batch-size=2",
                        "--lr=1e-7"));
        command.addAll(options);
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile())
                .start();
    }

    private void await(Process process, Path out, long lines)
            throws IOException, InterruptedException {
        long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(MINUTES);
        while (lines(out.resolve("metrics.jsonl")) < lines - 1
                || lines(out.resolve("journal.jsonl")) < lines) {
            if (!process.isAlive() || System.nanoTime() > end) {
                throw new IllegalStateException("the run ended: see " + folder.resolve("log"));
            }
            TimeUnit.MILLISECONDS.sleep(20);
        }
    }

    private static long lines(Path file) throws IOException {
        if (!Files.exists(file)) {
            return 0;
        }
        long lines = 0;
        for (byte one : Files.readAllBytes(file)) {
            lines += one == '\n' ? 1 : 0;
        }
        return lines;
    }

    /** How long steps took, from the one after a step on. */
    private static List<Double> stepSeconds(Path out, long after) throws IOException {
        List<Double> seconds = new ArrayList<>();
        for (JsonObject fields : metrics(out)) {
            if (fields.has("step_seconds") && fields.integer("step") > after) {
                seconds.add(fields.number("step_seconds"));
            }
        }
        return seconds;
    }

    private static List<JsonObject> metrics(Path out) throws IOException {
        String metrics = Files.readString(out.resolve("metrics.jsonl"));
        // A kill may have cut the last line off.
        String whole = metrics.substring(0, metrics.lastIndexOf('\n') + 1);
        return whole.lines().map(Json::parseObject).toList();
    }

    private static ModelConfig shape(long hidden, long layers) {
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("architectures", List.of("OPTForCausalLM"));
        config.put("model_type", "opt");
        config.put("activation_function", "relu");
        config.put("do_layer_norm_before", true);
        config.put("hidden_size", hidden);
        config.put("word_embed_proj_dim", hidden);
        config.put("ffn_dim", 4 * hidden);
        config.put("num_attention_heads", 8L);
        config.put("num_hidden_layers", layers);
        config.put("max_position_embeddings", 2048L);
        config.put("vocab_size", 50272L);
        config.put("bos_token_id", 2L);
        config.put("eos_token_id", 2L);
        config.put("pad_token_id", 1L);
        config.put("tie_word_embeddings", true);
        return ModelConfig.of("config.json", new JsonObject(config));
    }
}
