package io.millrace.spark.job;

import io.millrace.spark.keeper.WorkerExit;
import io.millrace.spark.keeper.WorkerProcess;
import io.millrace.spark.keeper.WorkerSeat;
import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.spark.BarrierTaskContext;
import org.apache.spark.broadcast.Broadcast;
import scala.collection.Iterator;
import scala.runtime.AbstractFunction1;

/** One task of the barrier stage: the keeper of one worker. */
final class WorkerTask extends AbstractFunction1<Iterator<Object>, Iterator<WorkerEnd>>
        implements Serializable {
    private static final long serialVersionUID = 1L;
    private static final long LOOK_MS = 200;
    private static final long GRACE_MS = 15_000;
    private static final int BAD_INPUT = 2;
    private static final int FAILED = 1;
    private static final int INTERRUPTED = 130;
    private static final String GPU = "gpu";

    private final SparkJob job;
    private final Installation installation;
    private final ShownLines shown;
    private final Broadcast<BroughtFiles> files;
    private transient Path folder;

    WorkerTask(
            SparkJob job,
            Installation installation,
            ShownLines shown,
            Broadcast<BroughtFiles> files) {
        this.job = job;
        this.installation = installation;
        this.shown = shown;
        this.files = files;
    }

    SparkJob job() {
        return job;
    }

    @Override
    public Iterator<WorkerEnd> apply(Iterator<Object> ignored) {
        BarrierTaskContext context = BarrierTaskContext.get();
        WorkerEnd end;
        try {
            end = run(context);
        } catch (IOException e) {
            throw new UncheckedIOException("the worker's process cannot be started", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("the task was killed", e);
        }
        return scala.jdk.javaapi.CollectionConverters.asScala(List.of(end).iterator());
    }

    private WorkerEnd run(BarrierTaskContext context) throws IOException, InterruptedException {
        int rank = context.partitionId();
        String host = host(context, rank);
        boolean resume = job.resume() || context.stageAttemptNumber() > 0;
        JournalMove journal = new JournalMove(job.out());
        // Whether all can run, and who has how much of the journal.
        Optional<String> lack = installation.lack();
        List<String> facts =
                meet(
                        context,
                        lack.map(what -> "lack " + what)
                                .orElseGet(
                                        () -> "journal " + (resume ? journal.longestBytes() : 0)));
        for (int other = 0; other < facts.size(); other++) {
            if (facts.get(other).startsWith("lack ")) {
                String line = name(other, context) + ": " + facts.get(other).substring(5);
                return new WorkerEnd(rank, host, BAD_INPUT, List.of(), line);
            }
        }
        if (resume) {
            moveJournal(context, facts, rank, journal);
        }
        List<String> said = new ArrayList<>();
        folder = files.value().lay();
        try (WorkerProcess worker = start(context, rank, said)) {
            Optional<String> address = address(context, worker, rank, host, resume);
            if (address.isPresent() && rank > 0) {
                int colon = address.get().lastIndexOf(':');
                worker.order(
                        job.order(),
                        seat(
                                        context,
                                        rank,
                                        address.get().substring(0, colon),
                                        Integer.parseInt(address.get().substring(colon + 1)),
                                        resume)
                                .line());
            }
            int code = address.isPresent() || rank == 0 ? await(context, worker) : 0;
            return judged(
                    context, new WorkerEnd(rank, host, code, List.copyOf(said), worker.lastLine()));
        } finally {
            BroughtFiles.remove(folder);
        }
    }

    /** Partition 0's machine gets the longest journal, where it has a shorter one. */
    private static void moveJournal(
            BarrierTaskContext context, List<String> facts, int rank, JournalMove journal) {
        long longest = 0;
        int holder = 0;
        for (int other = 0; other < facts.size(); other++) {
            long bytes = Long.parseLong(facts.get(other).substring("journal ".length()));
            if (bytes > longest) {
                longest = bytes;
                holder = other;
            }
        }
        if (longest == 0) {
            return;
        }
        if (holder == 0) {
            if (rank == 0) {
                journal.write(journal.read());
            }
            return;
        }
        String text = meet(context, rank == holder ? journal.read() : "").get(holder);
        if (rank == 0) {
            journal.write(text);
        }
    }

    private WorkerProcess start(BarrierTaskContext context, int rank, List<String> said)
            throws IOException {
        List<String> options =
                context.cpus() > 1
                        ? List.of("-XX:ActiveProcessorCount=" + context.cpus())
                        : List.of();
        LineShower lines = new LineShower(rank == 0 ? shown : null);
        return WorkerProcess.start(
                installation.command(WorkerProcess.PROGRAM, options),
                line -> {
                    synchronized (said) {
                        said.add(line);
                    }
                },
                lines::show);
    }

    /** Starts worker 0, and tells all where it listens; empty where it has ended before. */
    private Optional<String> address(
            BarrierTaskContext context, WorkerProcess worker, int rank, String host, boolean resume)
            throws IOException, InterruptedException {
        String mine = "";
        if (rank == 0) {
            worker.order(job.order(), seat(context, 0, host, 0, resume).line());
            Optional<Integer> port = port(context, worker);
            mine = port.map(number -> host + ":" + number).orElse("");
        }
        String told = meet(context, mine).get(0);
        return told.isEmpty() ? Optional.empty() : Optional.of(told);
    }

    private static Optional<Integer> port(BarrierTaskContext context, WorkerProcess worker)
            throws InterruptedException {
        while (true) {
            try {
                return Optional.of(worker.port().get(LOOK_MS, TimeUnit.MILLISECONDS));
            } catch (TimeoutException e) {
                requireWanted(context);
            } catch (ExecutionException | java.util.concurrent.CancellationException e) {
                return Optional.empty();
            }
        }
    }

    private WorkerSeat seat(
            BarrierTaskContext context, int rank, String host, int port, boolean resume) {
        String device =
                context.resources().contains(GPU)
                        ? "cuda:" + context.resources().apply(GPU).addresses()[0]
                        : "";
        return new WorkerSeat(
                rank,
                context.getTaskInfos().length,
                host,
                port,
                resume,
                folder == null ? "" : folder.toString(),
                device);
    }

    /** The exit code of a worker; a task that Spark has given up asks it to stop first. */
    private static int await(BarrierTaskContext context, WorkerProcess worker)
            throws InterruptedException {
        while (worker.isAlive()) {
            if (context.isInterrupted()) {
                worker.stop();
                try {
                    worker.exit().get(GRACE_MS, TimeUnit.MILLISECONDS);
                } catch (ExecutionException | TimeoutException e) {
                    // Its process is killed with the task.
                }
                requireWanted(context);
            }
            TimeUnit.MILLISECONDS.sleep(LOOK_MS);
        }
        return worker.exit().join();
    }

    private static void requireWanted(BarrierTaskContext context) throws InterruptedException {
        if (context.isInterrupted()) {
            throw new InterruptedException("Spark has given up the task");
        }
    }

    /**
     * How this worker ended, once all have: a worker that lost another one is to be tried again,
     * but where one has ended for a reason that would come again.
     */
    private static WorkerEnd judged(BarrierTaskContext context, WorkerEnd mine) {
        List<String> all = meet(context, mine.code() + " " + mine.last());
        boolean decided = code(all.get(0)) == 0 || code(all.get(0)) == INTERRUPTED;
        for (String end : all) {
            decided |= code(end) == BAD_INPUT || code(end) == FAILED;
        }
        for (int rank = 0; rank < all.size() && !decided; rank++) {
            int code = code(all.get(rank));
            if (WorkerExit.isLost(code) && code != WorkerExit.PEER_LOST) {
                throw new LostWorkerException(
                        name(rank, context) + " " + WorkerExit.describe(code));
            }
        }
        for (int rank = 0; rank < all.size() && !decided; rank++) {
            if (WorkerExit.isLost(code(all.get(rank)))) {
                throw new LostWorkerException(
                        all.get(rank).substring(all.get(rank).indexOf(' ') + 1));
            }
        }
        return mine;
    }

    private static int code(String end) {
        return Integer.parseInt(end.substring(0, end.indexOf(' ')));
    }

    private static List<String> meet(BarrierTaskContext context, String mine) {
        return List.of(context.allGather(mine));
    }

    private static String name(int rank, BarrierTaskContext context) {
        return "worker " + rank + " (" + host(context, rank) + ")";
    }

    private static String host(BarrierTaskContext context, int rank) {
        String address = context.getTaskInfos()[rank].address();
        int colon = address.lastIndexOf(':');
        return colon < 0 ? address : address.substring(0, colon);
    }

    /** A worker that was lost; the stage begins again behind it. */
    static final class LostWorkerException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        LostWorkerException(String message) {
            super(message);
        }
    }

    /**
     * What a worker shows, line by line: to the log of the executor, and of worker 0 to the driver.
     * A line that is drawn again comes there each time, and into the log when it is left.
     */
    private static final class LineShower {
        private static final String CLEAR_TO_END = "\u001b[K";

        private final StringBuilder line = new StringBuilder();
        private final ShownLines shown;

        LineShower(ShownLines shown) {
            this.shown = shown;
        }

        void show(byte[] bytes, int count) {
            line.append(new String(bytes, 0, count, StandardCharsets.UTF_8));
            for (int end = line.indexOf("\n"); end >= 0; end = line.indexOf("\n")) {
                String whole = drawn(line.substring(0, end));
                line.delete(0, end + 1);
                System.err.println(whole);
                // What has failed is told with the worker's end.
                if (shown != null && !whole.startsWith("millrace: ")) {
                    shown.add(whole);
                }
            }
            int last = line.lastIndexOf("\r");
            if (last >= 0) {
                line.delete(0, last);
                String progress = drawn(line.toString());
                if (shown != null && !progress.isEmpty()) {
                    shown.add(ShownLines.PROGRESS + progress);
                }
            }
        }

        /** What of a line is seen in the end. */
        private static String drawn(String line) {
            return line.substring(line.lastIndexOf('\r') + 1).replace(CLEAR_TO_END, "");
        }
    }
}
