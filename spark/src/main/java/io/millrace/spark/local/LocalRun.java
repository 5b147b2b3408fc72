package io.millrace.spark.local;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.spark.keeper.WorkerExit;
import io.millrace.spark.worker.WorkerOrder;
import java.io.PrintStream;

/** A run of several workers of this machine: as many attempts as it takes. */
final class LocalRun {
    private final CommandContext context;
    private final WorkerOrder order;
    private final int size;

    LocalRun(CommandContext context, WorkerOrder order, int size) {
        this.context = context;
        this.order = order;
        this.size = size;
    }

    /**
     * Takes it to its end.
     *
     * @param resume whether to go on with what the folder holds
     * @param retries how often to begin again behind a worker that was lost
     * @return the exit code
     */
    int take(boolean resume, int retries) {
        PrintStream err = context.err();
        for (int attempt = 0; ; attempt++) {
            LocalAttempt.End end;
            try (LocalAttempt workers = new LocalAttempt(context, order, size)) {
                end = workers.run(resume || attempt > 0);
            }
            if (!WorkerExit.isLost(end.code())) {
                return end.code();
            }
            boolean stopped = context.interruption().requested();
            if (stopped || attempt == retries) {
                err.println(
                        "millrace: "
                                + end.what()
                                + "; the same command with --resume goes on from the journal");
                err.flush();
                return stopped ? ExitCode.INTERRUPTED : ExitCode.FAILED;
            }
            err.println(
                    "millrace: "
                            + end.what()
                            + "; all start again from the journal ("
                            + (attempt + 1)
                            + " of "
                            + retries
                            + ")");
            err.flush();
        }
    }
}
