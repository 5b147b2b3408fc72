package io.millrace.bench.spread;

import io.millrace.executor.TuningRun;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.data.Parallel;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.listen.StepProgress;
import io.millrace.executor.peer.PeerLostException;
import io.millrace.executor.peer.Peers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;

/**
 * Steps of several workers on threads of one process beside those of one, in turn: what dividing a
 * step costs beside the exchange, which is in memory here. With a core a worker, so that one worker
 * is what each of the others is:
 *
 * <pre>
 *   java -XX:ActiveProcessorCount=1 ... spread.SpreadSteps MODEL TRAIN FOLDER WORKERS ROUNDS BATCH MICRO_BATCH
 * </pre>
 */
public final class SpreadSteps {
    private static final int STEPS = 6;

    private final Path model;
    private final Path train;
    private final int batch;
    private final int microBatch;

    private SpreadSteps(Path model, Path train, int batch, int microBatch) {
        this.model = model;
        this.train = train;
        this.batch = batch;
        this.microBatch = microBatch;
    }

    /** Measures, and prints medians. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        Path folder = Files.createDirectories(Path.of(arguments[2]));
        int workers = Integer.parseInt(arguments[3]);
        int rounds = Integer.parseInt(arguments[4]);
        SpreadSteps bench =
                new SpreadSteps(
                        Path.of(arguments[0]),
                        Path.of(arguments[1]),
                        Integer.parseInt(arguments[5]),
                        Integer.parseInt(arguments[6]));
        List<Double> alone = new ArrayList<>();
        List<Double> spread = new ArrayList<>();
        for (int round = 0; round < rounds; round++) {
            alone.addAll(bench.run(folder.resolve(round + "-alone"), 1));
            spread.addAll(bench.run(folder.resolve(round + "-spread"), workers));
        }
        System.out.printf(
                "one worker %.3f s a step, %d workers %.3f s: %.3f times as fast%n",
                median(alone), workers, median(spread), median(alone) / median(spread));
    }

    private static double median(List<Double> seconds) {
        List<Double> sorted = new ArrayList<>(seconds);
        Collections.sort(sorted);
        return sorted.get(sorted.size() / 2);
    }

    /** Seconds of worker 0's steps but the first. */
    private List<Double> run(Path folder, int workers) throws InterruptedException {
        Barrier barrier = new Barrier(workers);
        List<Double> seconds = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        for (int rank = 0; rank < workers; rank++) {
            int own = rank;
            threads.add(
                    Thread.ofPlatform()
                            .start(() -> {
                                try {
                                    TuningRun.run(
                                            config(folder.resolve("worker-" + own)),
                                            own == 0 ? timing(seconds) : RunListener.SILENT,
                                            barrier.of(own));
                                } catch (RuntimeException | Error e) {
                                    barrier.all.reset(); // the others end, too
                                    throw e;
                                }
                            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        return seconds;
    }

    private static RunListener timing(List<Double> seconds) {
        return new RunListener() {
            @Override
            public void onStep(StepProgress step) {
                if (step.step() > 1) {
                    seconds.add(step.stepSeconds());
                }
            }
        };
    }

    private TuneConfig config(Path out) {
        return TuneConfig.builder(model, train, out)
                .batchSize(batch)
                .microBatch(microBatch)
                .steps(STEPS)
                .lr(1e-7)
                .checkpointEvery(0)
                .parallel(Parallel.AUTO)
                .build();
    }

    /** Workers who meet in memory. */
    private static final class Barrier {
        private final Object[] words;
        private final CyclicBarrier all;

        Barrier(int size) {
            words = new Object[size];
            all = new CyclicBarrier(size);
        }

        private List<Object> meet(int rank, Object mine) {
            try {
                words[rank] = mine;
                all.await();
                List<Object> said = Arrays.asList(words.clone());
                all.await(); // before anybody speaks again
                return said;
            } catch (InterruptedException | BrokenBarrierException e) {
                throw new PeerLostException(-1, "a worker is gone", e);
            }
        }

        Peers of(int rank) {
            return new Peers() {
                @Override
                public int rank() {
                    return rank;
                }

                @Override
                public int size() {
                    return words.length;
                }

                @Override
                public List<double[]> gather(long round, double[] mine) {
                    return meet(rank, mine).stream().map(double[].class::cast).toList();
                }

                @Override
                public List<byte[]> exchange(String topic, byte[] mine) {
                    return meet(rank, mine).stream().map(byte[].class::cast).toList();
                }
            };
        }
    }
}
