package io.millrace.spark.local;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.workers.WorkerLauncher;
import io.millrace.executor.config.ManyConfigs;
import io.millrace.executor.config.OutputConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.data.WorkersConfig;
import io.millrace.memory.BadInputException;
import io.millrace.optim.option.Settings;
import io.millrace.spark.worker.WorkerOrder;
import java.util.Map;

/** {@code tune --workers}, as the command finds it. */
public final class LocalLauncher implements WorkerLauncher {
    @Override
    public int tune(
            CommandContext context, Settings told, WorkersConfig workers, boolean json) {
        if (ManyConfigs.areAsked(told)) {
            throw new BadInputException(
                    ManyConfigs.ADAPTERS.spelled(),
                    "adapters that share passes are tuned by one process",
                    "leave " + WorkersConfig.WORKERS.spelled() + " out");
        }
        // What is wrong with the options is said once, and not by each worker.
        TuneConfig config = TuneConfig.builder(told).build();
        Map<String, Object> options = told.without(java.util.List.of(OutputConfig.RESUME)).toJson();
        boolean terminal = context.terminal();
        WorkerOrder order =
                WorkerOrder.of(
                        options,
                        workers,
                        workers.workers(),
                        new WorkerOrder.Shown(json, terminal));
        LocalRun run = new LocalRun(context, order, workers.workers());
        context.interruption().enterRun();
        try {
            return run.take(config.output().resume(), workers.retries());
        } finally {
            context.interruption().leaveRun();
        }
    }

    static boolean isEnd(int code) {
        return code == ExitCode.DONE || code == ExitCode.INTERRUPTED;
    }
}
