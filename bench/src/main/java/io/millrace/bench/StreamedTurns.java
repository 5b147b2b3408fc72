package io.millrace.bench;

import io.millrace.bench.program.Folders;
import io.millrace.bench.program.Options;
import io.millrace.executor.Rehearsal;
import io.millrace.executor.TuningRun;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.OutputConfig;
import io.millrace.executor.config.TrainedTensors;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.Ledger;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.memory.nvme.io.FileIo;
import io.millrace.memory.nvme.io.IoFile;
import io.millrace.memory.nvme.io.IoOptions;
import io.millrace.memory.nvme.io.IoRequest;
import io.millrace.memory.nvme.io.Transfer;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.Settings;
import io.millrace.telemetry.Lane;
import io.millrace.telemetry.RunFacts;
import io.millrace.telemetry.SpanLog;
import io.millrace.telemetry.StepMetrics;
import io.millrace.telemetry.StepObserver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.locks.LockSupport;

/**
 * One run with all in memory and one that streams, step by step in turn: both are open at once, and
 * one waits while the other takes a step. So a machine whose speed wanders by a tenth from minute
 * to minute still tells two percent: neighbours in time are compared.
 *
 * <p>A drive's reads may cost the cores something whoever asks for them, most of all where the
 * drive is emulated. So beside each other step in memory as many bytes are read and thrown away:
 * what streaming costs beyond that is its own.
 *
 * <pre>
 *   StreamedTurns FOLDER --host-budget 620MiB [--arch opt-125m] [--dtype float32] [--cases 4x128]
 *                 [--tune lora] [--pairs 20]
 * </pre>
 */
public final class StreamedTurns {
    private static final int LEFT_OUT = 2; // steps until a run is warm
    private static final List<Option<?>> STREAMING =
            List.of(MemoryConfig.HOST_BUDGET, MemoryConfig.NVME_DIR);

    private final Comparison comparison;
    private final String tune;
    private final int pairs;

    private StreamedTurns(Comparison comparison, Options given) {
        this.comparison = comparison;
        tune = given.get("--tune", "lora");
        pairs = given.number("--pairs", 20);
    }

    /** Measures and prints a table. */
    public static void main(String[] arguments) throws IOException {
        Options given = new Options(arguments, 1);
        if (given.find("--host-budget").isEmpty()) {
            throw new IllegalArgumentException("--host-budget says how much of the model streams");
        }
        int pairs = given.number("--pairs", 20);
        StreamedTurns turns =
                new StreamedTurns(new Comparison(Path.of(arguments[0]), given, pairs, 1), given);
        System.out.println(
                "| model | batch | in memory | s a step | s streamed | streamed over in memory, step"
                        + " by step: median | quartiles | read a step, MiB | written | hidden |");
        System.out.println("|---|---|---|---|---|---|---|---|---|---|");
        turns.comparison.cases("4x128", turns::run);
    }

    private void run(int rows, int tokens) throws IOException {
        Settings told = comparison.told(rows, tokens).with(TrainedTensors.TUNE, tune);
        Path out = told.get(OutputConfig.OUT);
        Path weights = told.get(TuneConfig.MODEL).resolve("model.safetensors");
        Baton baton = new Baton();
        List<StepMetrics> memory = new ArrayList<>();
        List<StepMetrics> streamed = new ArrayList<>();
        try (BareReads reads = new BareReads(weights)) {
            Thread other =
                    Thread.ofPlatform()
                            .start(() ->
                                    take(
                                            told.without(STREAMING)
                                                    .with(OutputConfig.OUT, out.resolve("m")),
                                            baton,
                                            0,
                                            memory,
                                            () -> beside(reads, memory, streamed)));
            take(told.with(OutputConfig.OUT, out.resolve("s")), baton, 1, streamed, reads::pause);
            other.join();
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
        }
        print(rows, tokens, memory, streamed, 0);
        print(rows, tokens, memory, streamed, 1);
    }

    /**
     * Before a step in memory: every other one has reads beside it, as many as the last streamed.
     */
    private static void beside(
            BareReads reads, List<StepMetrics> memory, List<StepMetrics> streamed) {
        if (memory.size() >= LEFT_OUT && memory.size() % 2 == 1) {
            StepMetrics last = streamed.getLast();
            reads.resume(read(last) / last.overlap().seconds());
        }
    }

    private static long read(StepMetrics step) {
        return step.overlap().lanes().get(Lane.NVME_READ).bytes();
    }

    private void take(
            Settings told, Baton baton, int turn, List<StepMetrics> taken, Runnable before) {
        TuneConfig config =
                TuneConfig.builder(told.with(ArithmeticConfig.STEPS, (long) LEFT_OUT + pairs))
                        .build();
        try {
            Folders.delete(config.output().out());
            TuningRun.rehearse(
                    config,
                    Rehearsal.of(LEFT_OUT + pairs),
                    new RunListener() {},
                    List.of(
                            new StepObserver() {
                                @Override
                                public void begin(RunFacts facts) {
                                    baton.await(turn);
                                    before.run();
                                }

                                @Override
                                public void step(
                                        StepMetrics metrics,
                                        SpanLog spans,
                                        long startNs,
                                        long endNs) {
                                    taken.add(metrics);
                                    baton.pass();
                                    if (taken.size() < LEFT_OUT + pairs) {
                                        baton.await(turn);
                                        before.run();
                                    }
                                }
                            }));
            Folders.delete(config.output().out());
        } catch (IOException | RuntimeException failed) {
            baton.drop();
            throw new IllegalStateException("a run failed", failed);
        }
    }

    /** A line of the pairs whose step in memory had reads beside it, or of those that had none. */
    private void print(
            int rows, int tokens, List<StepMetrics> memory, List<StepMetrics> streamed, int odd) {
        double[] inMemory = new double[pairs / 2];
        double[] inTurn = new double[pairs / 2];
        double[] ratios = new double[pairs / 2];
        for (int i = 0; i < ratios.length; i++) {
            int step = LEFT_OUT + 2 * i + odd;
            inMemory[i] = memory.get(step).overlap().seconds();
            inTurn[i] = streamed.get(step).overlap().seconds();
            ratios[i] = inTurn[i] / inMemory[i];
        }
        Arrays.sort(ratios);
        StepMetrics last = streamed.getLast();
        System.out.printf(
                Locale.ROOT,
                "| %s | %d x %d | %s | %.3f | %.3f | %.4f | %.4f to %.4f | %.0f | %.0f | %.4f |%n",
                comparison.name(),
                rows,
                tokens,
                odd == 0 ? "alone" : "beside bare reads",
                DeviceCopies.median(inMemory),
                DeviceCopies.median(inTurn),
                DeviceCopies.median(ratios.clone()),
                ratios[ratios.length / 4],
                ratios[(3 * ratios.length - 1) / 4],
                read(last) / 0x1p20,
                last.overlap().lanes().get(Lane.NVME_WRITE).bytes() / 0x1p20,
                last.overlap().hiddenTransfer());
    }

    /** What one of two holds while it takes a step; dropped where one of them failed. */
    private static final class Baton {
        private int turn;
        private boolean dropped;

        synchronized void await(int whose) {
            while (turn != whose && !dropped) {
                try {
                    wait();
                } catch (InterruptedException stopped) {
                    Thread.currentThread().interrupt();
                    dropped = true;
                }
            }
            if (dropped) {
                throw new IllegalStateException("the other run has ended");
            }
        }

        synchronized void pass() {
            turn = 1 - turn;
            notifyAll();
        }

        synchronized void drop() {
            dropped = true;
            notifyAll();
        }
    }

    /** Reads a file past the page cache at a given rate, and throws away what it reads. */
    private static final class BareReads implements AutoCloseable {
        private static final int PIECE = 1 << 20;

        private final FileIo io;
        private final IoFile file;
        private final HostSlab memory;
        private final long pieces;
        private final Thread thread;
        private volatile double bytesPerSecond;
        private volatile boolean closed;

        /** Opens the file; nothing is read until {@link #resume}. */
        BareReads(Path path) throws IOException {
            io = FileIo.open(path.getParent(), IoOptions.defaults());
            file = io.open(path, false);
            memory = new HostMemory(Ledger.unlimited()).allocatePinned("bare reads", PIECE);
            pieces = Files.size(path) / PIECE;
            thread = Thread.ofPlatform().name("bare-reads").start(this::run);
        }

        /** Reads from now on. */
        void resume(double rate) {
            bytesPerSecond = rate;
            LockSupport.unpark(thread);
        }

        /** Reads no more, but for a piece that is on its way. */
        void pause() {
            bytesPerSecond = 0;
        }

        private void run() {
            Transfer transfer = new Transfer(PIECE, 1);
            long piece = 0;
            long next = System.nanoTime();
            while (!closed) {
                double rate = bytesPerSecond;
                if (rate <= 0) {
                    LockSupport.park();
                    next = System.nanoTime();
                    continue;
                }
                transfer.start(
                        file, IoRequest.Op.READ, piece * PIECE, memory.segment(), 0, PIECE, PIECE);
                transfer.await();
                piece = (piece + 1) % pieces;
                next += (long) (1e9 * PIECE / rate);
                LockSupport.parkNanos(next - System.nanoTime());
            }
        }

        @Override
        public void close() throws IOException {
            closed = true;
            LockSupport.unpark(thread);
            try {
                thread.join();
            } catch (InterruptedException stopped) {
                Thread.currentThread().interrupt();
            }
            file.close();
            io.close();
            memory.close();
        }
    }
}
