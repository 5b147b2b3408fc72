package io.millrace.cli.workers;

import io.millrace.cli.context.CommandContext;
import io.millrace.executor.config.data.WorkersConfig;
import io.millrace.optim.option.Settings;

/** Runs {@code tune} on several workers: a service, which the module for them provides. */
public interface WorkerLauncher {
    /**
     * Starts the workers, and shows what worker 0 says.
     *
     * @param context of the command
     * @param told what the run is told, its workers apart
     * @param workers how many, and where
     * @param json whether a program wants to know how it ended
     * @return the exit code
     */
    int tune(CommandContext context, Settings told, WorkersConfig workers, boolean json);
}
