package io.millrace.spark.local;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.spark.keeper.WorkerExit;
import io.millrace.spark.keeper.WorkerProcess;
import io.millrace.spark.keeper.WorkerSeat;
import io.millrace.spark.worker.WorkerOrder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** All workers of a run once, from their start to the end of the last. */
final class LocalAttempt implements AutoCloseable {
    private static final String LOOPBACK = "127.0.0.1";
    private static final long LOOK_MS = 200;

    /** Enough for workers that lose one to notice it, and to say so. */
    private static final Duration GRACE = Duration.ofSeconds(10);

    /**
     * How an attempt ended.
     *
     * @param code exit code of the worker that decided it
     * @param what happened, in words
     */
    record End(int code, String what) {}

    private final CommandContext context;
    private final WorkerOrder order;
    private final int size;
    private final List<WorkerProcess> workers = new ArrayList<>();
    private boolean told;

    LocalAttempt(CommandContext context, WorkerOrder order, int size) {
        this.context = context;
        this.order = order;
        this.size = size;
    }

    /** Starts the workers, and waits for the end. */
    End run(boolean resume) {
        try {
            List<String> command = WorkerCommand.ofThisProgram(size);
            for (int rank = 0; rank < size; rank++) {
                workers.add(rank == 0 ? first(command) : another(command));
            }
            workers.getFirst().order(order.line(), seat(0, 0, resume).line());
            int port = port();
            if (port == 0) {
                workers.getFirst().exit().join();
                return judge();
            }
            for (int rank = 1; rank < size; rank++) {
                workers.get(rank).order(order.line(), seat(rank, port, resume).line());
            }
            return end();
        } catch (IOException e) {
            throw new UncheckedIOException("a worker cannot be started", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while workers ran", e);
        }
    }

    private WorkerSeat seat(int rank, int port, boolean resume) {
        return new WorkerSeat(rank, size, LOOPBACK, port, resume, "", "");
    }

    private WorkerProcess first(List<String> command) throws IOException {
        return WorkerProcess.start(
                command,
                context::print,
                (bytes, count) -> {
                    context.err().write(bytes, 0, count);
                    context.err().flush();
                });
    }

    private static WorkerProcess another(List<String> command) throws IOException {
        return WorkerProcess.start(command, _ -> {}, (_, _) -> {});
    }

    /** Where worker 0 listens; 0 where it has ended. */
    private int port() throws InterruptedException {
        while (true) {
            try {
                return workers.getFirst().port().get(LOOK_MS, TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                passOnTheWishToStop();
            } catch (ExecutionException | CancellationException e) {
                return 0;
            }
        }
    }

    /** Waits until one has ended, then for the others, and judges. */
    private End end() throws InterruptedException {
        CompletableFuture<?>[] exits =
                workers.stream().map(WorkerProcess::exit).toArray(CompletableFuture[]::new);
        // Others end before worker 0, which saves the model: they decide nothing where all is well.
        while (workers.getFirst().isAlive() && !anyHasFailed()) {
            passOnTheWishToStop();
            TimeUnit.MILLISECONDS.sleep(LOOK_MS / 4);
        }
        try {
            CompletableFuture.allOf(exits).get(GRACE.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException | ExecutionException e) {
            // What does not end by itself is ended; what came first is what counts.
        }
        return judge();
    }

    private boolean anyHasFailed() {
        return workers.stream()
                .anyMatch(
                        worker -> !worker.isAlive() && !LocalLauncher.isEnd(worker.exit().join()));
    }

    private void passOnTheWishToStop() {
        if (!told && context.interruption().requested()) {
            told = true;
            workers.forEach(WorkerProcess::stop);
        }
    }

    private End judge() {
        if (!workers.getFirst().isAlive()) {
            int code = workers.getFirst().exit().join();
            if (LocalLauncher.isEnd(code)) {
                return new End(code, "");
            }
        }
        // What is wrong with the input, or went wrong by itself, comes again: it is said, not
        // tried.
        for (int rank = 0; rank < size; rank++) {
            int code = code(rank);
            if (code == ExitCode.BAD_INPUT || code == ExitCode.FAILED) {
                if (rank > 0 && code(0) != code) {
                    context.err()
                            .println(
                                    "millrace: worker "
                                            + rank
                                            + ": "
                                            + workers.get(rank).lastLine());
                    context.err().flush();
                }
                return new End(code, "");
            }
        }
        for (int rank = 0; rank < size; rank++) {
            int code = code(rank);
            if (code >= 0 && code != WorkerExit.PEER_LOST && WorkerExit.isLost(code)) {
                return new End(code, "worker " + rank + " " + WorkerExit.describe(code));
            }
        }
        for (WorkerProcess worker : workers) {
            if (!worker.isAlive() && worker.exit().join() == WorkerExit.PEER_LOST) {
                return new End(WorkerExit.PEER_LOST, worker.lastLine());
            }
        }
        return new End(WorkerExit.PEER_LOST, "the workers do not end");
    }

    /** -1 while it runs. */
    private int code(int rank) {
        return workers.get(rank).isAlive() ? -1 : workers.get(rank).exit().join();
    }

    @Override
    public void close() {
        workers.forEach(WorkerProcess::close);
        for (WorkerProcess worker : workers) {
            // Its folder is another's to take only once it is gone.
            worker.exit().join();
        }
    }
}
