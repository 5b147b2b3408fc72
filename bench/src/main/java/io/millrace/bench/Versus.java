package io.millrace.bench;

import io.millrace.bench.program.Folders;
import io.millrace.bench.program.Options;
import io.millrace.memory.DType;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Two checkouts of Millrace side by side: each case is tuned by one and by the other in turn, each
 * time by a new process, and the medians of their steps are compared.
 *
 * <pre>
 *   Versus FOLDER OLD NEW [--rounds 5] [--only 0,1,2,3,4]
 * </pre>
 *
 * OLD and NEW are folders with a {@code millrace} script that was built before. Every round gives a
 * ratio new / old; what is told is their median, least and greatest.
 */
public final class Versus {
    private static final int VOCABULARY = 30000;
    private static final int LEFT_OUT = 3; // first steps of a process

    private final Path folder;
    private final List<Path> programs;

    private record Case(
            String name,
            String arch,
            DType dtype,
            int batch,
            int tokens,
            int steps,
            List<String> options) {}

    private static final List<Case> CASES =
            List.of(
                    new Case(
                            "opt-125m f32, 8 x 128, gaussian",
                            "opt-125m",
                            DType.F32,
                            8,
                            128,
                            10,
                            List.of()),
                    new Case(
                            "opt-125m f32, 1 x 64, gaussian",
                            "opt-125m",
                            DType.F32,
                            1,
                            64,
                            25,
                            List.of()),
                    new Case(
                            "opt-125m f32, 8 x 128, low-rank",
                            "opt-125m",
                            DType.F32,
                            8,
                            128,
                            10,
                            List.of("--perturbation=low-rank")),
                    new Case(
                            "opt-125m f32, 1 x 64, low-rank",
                            "opt-125m",
                            DType.F32,
                            1,
                            64,
                            40,
                            List.of("--perturbation=low-rank")),
                    new Case(
                            "opt-1.3b bf16 streamed, 1 x 64, gaussian",
                            "opt-1.3b",
                            DType.BF16,
                            1,
                            64,
                            8,
                            List.of("--host-budget=1GiB")));

    private Versus(Path folder, List<Path> programs) {
        this.folder = folder;
        this.programs = programs;
    }

    /** Measures and prints a table. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        Path folder = Files.createDirectories(Path.of(arguments[0]));
        Options given = new Options(arguments, 3);
        Versus versus = new Versus(folder, List.of(Path.of(arguments[1]), Path.of(arguments[2])));
        int rounds = given.number("--rounds", 5);
        System.out.println(
                "| case | old, ms a step | new, ms a step | new / old: median | least | greatest |");
        System.out.println("|---|---|---|---|---|---|");
        for (String one : given.get("--only", "0,1,2,3,4").split(",", -1)) {
            versus.run(CASES.get(Integer.parseInt(one)), rounds);
        }
    }

    private void run(Case one, int rounds) throws IOException, InterruptedException {
        Path model = BenchModels.of(folder, one.arch, one.dtype);
        Path rows =
                TuneRun.writeRows(
                        folder.resolve("rows-" + one.tokens + ".jsonl"),
                        64,
                        one.tokens,
                        VOCABULARY);
        double[][] medians = new double[2][rounds];
        double[] ratios = new double[rounds];
        for (int round = 0; round < rounds; round++) {
            for (int turn = 0; turn < 2; turn++) {
                int which = (round + turn) % 2; // who is first changes
                medians[which][round] = median(one, model, rows, which);
            }
            ratios[round] = medians[1][round] / medians[0][round];
        }
        System.out.printf(
                Locale.ROOT,
                "| %s | %.1f | %.1f | %.4f | %.4f | %.4f |%n",
                one.name,
                1e3 * DeviceCopies.median(medians[0]),
                1e3 * DeviceCopies.median(medians[1]),
                DeviceCopies.median(ratios.clone()),
                Arrays.stream(ratios).min().orElseThrow(),
                Arrays.stream(ratios).max().orElseThrow());
    }

    private double median(Case one, Path model, Path rows, int which)
            throws IOException, InterruptedException {
        Path out = folder.resolve("out");
        Folders.delete(out);
        List<String> command = new ArrayList<>();
        command.add(programs.get(which).resolve("millrace").toString());
        command.addAll(
                List.of(
                        "tune",
                        "--model=" + model,
                        "--train=" + rows,
                        "--out=" + out,
                        "--steps=" + one.steps,
                        "--batch-size=" + one.batch,
                        "--seq-len=" + one.tokens,
                        "--checkpoint-every=0",
                        "--lr=1e-7"));
        command.addAll(one.options);
        Path log = folder.resolve("log");
        Process process =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(log.toFile())
                        .start();
        if (process.waitFor() != 0) {
            throw new IllegalStateException(command + " failed: see " + log);
        }
        List<Double> seconds = new ArrayList<>();
        for (String line : Files.readAllLines(out.resolve("metrics.jsonl"))) {
            JsonObject fields = Json.parseObject(line);
            if (fields.has("step_seconds") && fields.integer("step") > LEFT_OUT) {
                seconds.add(fields.number("step_seconds"));
            }
        }
        Folders.delete(out);
        return DeviceCopies.median(seconds.stream().mapToDouble(value -> value).toArray());
    }
}
