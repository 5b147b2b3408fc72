package io.millrace.spark.worker;

import io.millrace.cli.Main;
import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExecutorOperations;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.context.Failure;
import io.millrace.cli.context.Interruption;
import io.millrace.cli.context.Models;
import io.millrace.executor.config.OutputConfig;
import io.millrace.executor.peer.PeerLostException;
import io.millrace.memory.BadInputException;
import io.millrace.spark.keeper.LineStream;
import io.millrace.spark.keeper.WorkerExit;
import io.millrace.spark.keeper.WorkerSeat;
import io.millrace.spark.link.GrpcPeers;
import io.millrace.spark.link.JobTerms;
import io.millrace.telemetry.json.Json;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Where the JVM of a worker enters: the process around one command that takes its steps with
 * others.
 */
public final class WorkerMain {
    private final WorkerOrder order;
    private final WorkerSeat seat;
    private final PrintStream out;
    private final PrintStream err;
    private final Interruption interruption;
    private volatile String lastLine = "it has failed";

    private WorkerMain(WorkerOrder order, WorkerSeat seat, PrintStream out) {
        this.order = order;
        this.seat = seat;
        this.out = out;
        PrintStream real =
                new PrintStream(
                        new FileOutputStream(FileDescriptor.err), false, StandardCharsets.UTF_8);
        err = new PrintStream(new Told(real), true, StandardCharsets.UTF_8);
        // The keeper says what a signal means: one that a terminal sends to all is not for workers.
        interruption =
                new Interruption(
                        new PrintStream(
                                OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8),
                        () -> {});
        interruption.enterRun();
    }

    /** Takes its order from standard input, carries it out, and ends the JVM with an exit code. */
    public static void main(String[] ignored) throws IOException {
        Main.quietLibraries();
        PrintStream out =
                new PrintStream(
                        new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
        BufferedReader in =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        String order = in.readLine();
        String seat = in.readLine();
        if (order == null || seat == null) {
            System.exit(WorkerExit.ORPHAN);
        }
        WorkerMain worker = new WorkerMain(WorkerOrder.of(order), WorkerSeat.of(seat), out);
        worker.interruption.listen();
        Thread.ofPlatform().daemon().name("millrace-keeper").start(() -> worker.listen(in));
        Thread.setDefaultUncaughtExceptionHandler((thread, thrown) -> {
            // The run waits for that thread, perhaps for ever.
            Runtime.getRuntime().halt(worker.failed(thrown));
        });
        int code = worker.run();
        out.flush();
        System.exit(code);
    }

    private void listen(BufferedReader in) {
        try {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                if (line.equals("stop")) {
                    interruption.signal();
                }
            }
        } catch (IOException _) {
            // As good as its end.
        }
        Runtime.getRuntime().halt(WorkerExit.ORPHAN);
    }

    private int run() {
        try (GrpcPeers peers = meet()) {
            if (seat.rank() == 0) {
                out.println("port " + peers.port());
            }
            WatchedPeers watched = new WatchedPeers(peers);
            int code = tune(watched);
            if (code == ExitCode.FAILED && watched.haveLostOne()) {
                return WorkerExit.PEER_LOST;
            }
            if (code != ExitCode.DONE && code != ExitCode.INTERRUPTED) {
                peers.fail("worker " + seat.rank() + ": " + lastLine);
            }
            return code;
        } catch (PeerLostException e) {
            failed(e);
            return WorkerExit.PEER_LOST;
        } catch (RuntimeException | Error e) {
            return failed(e);
        }
    }

    private GrpcPeers meet() {
        JobTerms terms = order.terms(seat.size());
        if (seat.rank() > 0) {
            return GrpcPeers.join(
                    seat.rank(),
                    terms,
                    InetSocketAddress.createUnresolved(seat.host(), seat.port()));
        }
        try {
            InetAddress here = InetAddress.getAllByName(seat.host())[0];
            return GrpcPeers.host(terms, new InetSocketAddress(here, seat.port()));
        } catch (UnknownHostException e) {
            throw new BadInputException(
                    "worker 0",
                    "its machine does not know its own name " + seat.host(),
                    "mend the machine's name, or say an address to Spark");
        }
    }

    private int tune(WatchedPeers peers) {
        CommandContext context =
                new CommandContext(
                        new ExecutorOperations(peers),
                        InputStream.nullInputStream(),
                        new PrintStream(
                                new LineStream(line -> out.println("say " + line)),
                                true,
                                StandardCharsets.UTF_8),
                        err,
                        order.shown().terminal(),
                        interruption,
                        Models.ofEnvironment(err, order.shown().terminal()),
                        Path.of(System.getProperty("millrace.home", ".")));
        Map<String, Object> options = WorkerShare.of(order, seat);
        List<String> line = new ArrayList<>();
        try {
            Path recipe = Files.createTempFile("millrace-worker", ".json");
            try {
                Files.writeString(recipe, Json.write(options));
                line.addAll(List.of("tune", "--config=" + recipe));
                if (seat.resume() && holdsRun(options)) {
                    line.add(OutputConfig.RESUME.spelled());
                }
                if (order.shown().json() && seat.rank() == 0) {
                    line.add("--json");
                }
                return Main.run(context, line);
            } finally {
                Files.deleteIfExists(recipe);
                Files.deleteIfExists(WorkerShare.timeline(seat.rank()));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Whether there is a run to go on with: one that was killed early has left nothing. */
    private static boolean holdsRun(Map<String, Object> options) throws IOException {
        Path journal = Path.of(options.get(OutputConfig.OUT.name()).toString(), "journal.jsonl");
        return Files.isRegularFile(journal) && Files.readString(journal).contains("\n");
    }

    private int failed(Throwable thrown) {
        Failure failure = Failure.of(thrown);
        err.println(failure.line());
        err.flush();
        return failure.exitCode();
    }

    /** Standard error, of which the last line that is the command's own is kept. */
    private final class Told extends OutputStream {
        private final PrintStream real;
        private final LineStream lines =
                new LineStream(line -> {
                    if (line.startsWith("millrace: ")) {
                        lastLine = line.substring("millrace: ".length());
                    }
                });

        Told(PrintStream real) {
            this.real = real;
        }

        @Override
        public void write(int value) {
            real.write(value);
            lines.write(value);
        }

        @Override
        public void flush() {
            real.flush();
        }
    }
}
