package io.millrace.spark.local;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.workers.WorkerLauncher;
import io.millrace.executor.config.ManyConfigs;
import io.millrace.executor.config.OutputConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.data.WorkersConfig;
import io.millrace.memory.BadInputException;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import io.millrace.spark.job.SparkJob;
import io.millrace.spark.submit.SparkSubmission;
import io.millrace.spark.worker.WorkerOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** {@code tune --workers}, as the command finds it. */
public final class LocalLauncher implements WorkerLauncher {
    /** Says what Spark would be told, for a driver that was started by hand. */
    private static final String DESCRIBE = "millrace.workers.describe";

    private static final long SMALL = 256L << 20;

    @Override
    public int tune(CommandContext context, Settings told, WorkersConfig workers, boolean json) {
        if (ManyConfigs.areAsked(told)) {
            throw new BadInputException(
                    ManyConfigs.ADAPTERS.spelled(),
                    "adapters that share passes are tuned by one process",
                    "leave " + WorkersConfig.WORKERS.spelled() + " out");
        }
        // What is wrong with the options is said once, and not by each worker.
        TuneConfig config = TuneConfig.builder(told).build();
        Map<String, Object> options = told.without(List.of(OutputConfig.RESUME)).toJson();
        if (workers.spark().isPresent()) {
            absolute(told, options);
        }
        WorkerOrder order =
                WorkerOrder.of(
                        options,
                        workers,
                        workers.spark().isPresent() ? 1 : workers.workers(),
                        // Spark's driver has progress drawn as its own standard error needs it.
                        new WorkerOrder.Shown(
                                json, context.terminal() || workers.spark().isPresent()));
        SparkJob job =
                new SparkJob(
                        order.line(),
                        workers.workers(),
                        workers.retries(),
                        config.output().out().toAbsolutePath().toString(),
                        config.output().resume(),
                        smallFiles(config));
        if (Boolean.getBoolean(DESCRIBE)) {
            context.out().print(job.lines());
            context.out().flush();
            return ExitCode.DONE;
        }
        context.interruption().enterRun();
        try {
            return workers.spark().isPresent()
                    ? new SparkSubmission(context, workers, System.getenv()).run(job)
                    : new LocalRun(context, order, workers.workers())
                            .take(config.output().resume(), workers.retries());
        } finally {
            context.interruption().leaveRun();
        }
    }

    /** Machines of a cluster have other working folders. */
    private static void absolute(Settings told, Map<String, Object> options) {
        for (Option<?> option : told.options()) {
            if (option.type().equals(OptionTypes.PATH)) {
                options.computeIfPresent(
                        option.name(),
                        (_, path) -> Path.of(path.toString()).toAbsolutePath().toString());
            }
        }
    }

    /** Data that Spark can bring to each machine; larger files lie there already. */
    private static List<String> smallFiles(TuneConfig config) {
        return Stream.of(Optional.of(config.data().train()), config.data().eval())
                .flatMap(Optional::stream)
                .map(Path::toAbsolutePath)
                .filter(file -> Files.isRegularFile(file) && file.toFile().length() <= SMALL)
                .map(Path::toString)
                .toList();
    }

    static boolean isEnd(int code) {
        return code == ExitCode.DONE || code == ExitCode.INTERRUPTED;
    }
}
