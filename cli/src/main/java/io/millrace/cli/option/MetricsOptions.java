package io.millrace.cli.option;

import io.millrace.executor.config.TuneConfigBuilder;
import picocli.CommandLine.Option;

/** Where a run's figures are served while it goes on. */
public final class MetricsOptions {
    @Option(
            names = "--metrics-port",
            paramLabel = "PORT",
            description =
                    "Serve figures for Prometheus at this port of localhost; 0 takes a free one.")
    private Integer metricsPort;

    public void applyTo(TuneConfigBuilder builder) {
        Given.apply(metricsPort, builder::metricsPort);
    }
}
