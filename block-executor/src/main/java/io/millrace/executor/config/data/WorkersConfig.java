package io.millrace.executor.config.data;

import io.millrace.memory.BadInputException;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * How many workers take a run's steps together, and how they come to be. Nothing here decides a
 * byte.
 *
 * @param settings a value for each of {@link #OPTIONS} that has one
 */
public record WorkersConfig(Settings settings) {
    /** The most that a run may be spread over. */
    public static final int MOST_WORKERS = 1024;

    private static final String FOLDER = "worker-";

    /** How many take the steps. */
    public static final Option<Integer> WORKERS =
            Option.named("workers", OptionTypes.INTEGER)
                    .label("N")
                    .help(
                            "Spread the run over N processes of this machine, which share its cores and"
                                    + " budgets, or with --spark over those of a cluster. The result is"
                                    + " that of one, byte for byte.")
                    .usualUnsaid(1)
                    .limit(Limit.atLeast(1))
                    .limit(
                            new Limit<>(
                                    count -> count <= MOST_WORKERS,
                                    count -> count + " are too many",
                                    "give up to " + MOST_WORKERS))
                    .build();

    /** How often a run begins again behind a worker that was lost. */
    public static final Option<Integer> RETRIES =
            Option.named("worker-retries", OptionTypes.INTEGER)
                    .label("N")
                    .help(
                            "When a worker is lost, start all of them again from the journal, up to N"
                                    + " times.")
                    .usual(3)
                    .limit(Limit.atLeast(0))
                    .build();

    /** How long one waits for another. */
    public static final Option<Duration> TIMEOUT =
            Option.named("worker-timeout", RunTime.TYPE)
                    .label("TIME")
                    .help(
                            "The longest that workers wait for what one of them computes: 90s, 30m, 2h."
                                    + " A worker of which nothing at all is heard is lost after 20s.")
                    .usual(Duration.ofHours(1))
                    .build();

    /** The master of a cluster. */
    public static final Option<String> SPARK =
            Option.named("spark", OptionTypes.TEXT)
                    .label("URL")
                    .help(
                            "Place the workers on a Spark cluster, such as spark://host:7077 or"
                                    + " k8s://...; SPARK_HOME is the folder of Spark 4.1 here.")
                    .build();

    /** What Spark is told. */
    public static final Option<List<String>> SPARK_CONF =
            Option.named("spark-conf", OptionTypes.TEXTS)
                    .label("KEY=VALUE")
                    .help(
                            "A property for Spark, such as spark.task.resource.gpu.amount=1. Several"
                                    + " times for several.")
                    .build();

    /** The certificate that a worker shows. */
    public static final Option<Path> TLS_CERT =
            file("tls-cert", "Certificate of each worker, in PEM: they then speak over TLS.");

    /** Its key. */
    public static final Option<Path> TLS_KEY =
            file("tls-key", "Its key, in PEM (PKCS 8, without a password).");

    /** Who has signed certificates that are taken. */
    public static final Option<Path> TLS_CA =
            file("tls-ca", "The authority whose certificates workers take of each other, in PEM.");

    /** The name in the certificate. */
    public static final Option<String> TLS_NAME =
            Option.named("tls-name", OptionTypes.TEXT)
                    .label("NAME")
                    .help("The name that certificates are for, where that is no worker's address.")
                    .build();

    /** All of them. */
    public static final List<Option<?>> OPTIONS =
            List.of(
                    WORKERS,
                    RETRIES,
                    TIMEOUT,
                    SPARK,
                    SPARK_CONF,
                    TLS_CERT,
                    TLS_KEY,
                    TLS_CA,
                    TLS_NAME);

    /** Fills in what is as usual, and checks what no option can see alone. */
    public WorkersConfig {
        settings = settings.complete(OPTIONS);
        List<Option<Path>> files = List.of(TLS_CERT, TLS_KEY, TLS_CA);
        for (Option<Path> one : files) {
            for (Option<Path> other : files) {
                if (settings.has(one) && !settings.has(other)) {
                    throw new BadInputException(
                            one.spelled(),
                            "workers that speak over TLS need " + other.spelled() + " too",
                            "add it");
                }
            }
        }
        if (settings.has(SPARK_CONF) && !settings.has(SPARK)) {
            throw new BadInputException(
                    SPARK_CONF.spelled(), "there is no cluster to tell", "add " + SPARK.spelled());
        }
    }

    /** The folder of a worker: worker 0 has the run's own, the others have theirs in it. */
    public static Path folder(Path out, int rank) {
        return rank == 0 ? out : out.resolve(FOLDER + rank);
    }

    /** Whether something in a run's folder is another worker's. */
    public static boolean isFolderOfAnother(Path entry) {
        return entry.getFileName().toString().matches(FOLDER + "[1-9][0-9]{0,3}")
                && Files.isDirectory(entry);
    }

    private static Option<Path> file(String name, String help) {
        return Option.named(name, OptionTypes.PATH).label("FILE").help(help).build();
    }

    public int workers() {
        return settings.get(WORKERS);
    }

    /** Whether more than this process is asked for. */
    public boolean areSeveral() {
        return workers() > 1 || settings.has(SPARK);
    }

    /** How often a run begins again behind a worker that was lost. */
    public int retries() {
        return settings.get(RETRIES);
    }

    /** How long one waits for another. */
    public Duration timeout() {
        return settings.get(TIMEOUT);
    }

    /** The master of a cluster; this machine where empty. */
    public Optional<String> spark() {
        return settings.find(SPARK);
    }

    /** Properties for Spark, each {@code KEY=VALUE}. */
    public List<String> sparkConf() {
        return settings.find(SPARK_CONF).orElse(List.of());
    }
}
