package io.millrace.telemetry.prometheus;

import io.millrace.telemetry.EvalMetrics;
import io.millrace.telemetry.RunFacts;
import io.millrace.telemetry.SpanLog;
import io.millrace.telemetry.StepMetrics;
import io.millrace.telemetry.StepObserver;
import io.millrace.telemetry.WorkerMetrics;
import io.prometheus.metrics.exporter.httpserver.HTTPServer;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.util.List;

/** Serves the figures of a run at {@code http://localhost:PORT/metrics} until it is closed. */
public final class MetricsEndpoint implements StepObserver, AutoCloseable {
    private final PrometheusRegistry registry;
    private final RunFigures figures;
    private final HTTPServer server;
    private WorkerFigures workersOrNull; // of a run that has several

    private MetricsEndpoint(PrometheusRegistry registry, RunFigures figures, HTTPServer server) {
        this.registry = registry;
        this.figures = figures;
        this.server = server;
    }

    /**
     * Begins to serve; figures appear as the run makes them.
     *
     * @param port from 0, which takes any that is free, to 65535; other machines do not reach it
     * @throws UncheckedIOException where the port cannot be had
     */
    public static MetricsEndpoint open(int port) {
        PrometheusRegistry registry = new PrometheusRegistry();
        RunFigures figures = new RunFigures(registry);
        try {
            HTTPServer server =
                    HTTPServer.builder()
                            .inetAddress(InetAddress.getLoopbackAddress())
                            .port(port)
                            .registry(registry)
                            .buildAndStart();
            return new MetricsEndpoint(registry, figures, server);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Where the figures are. */
    public String address() {
        return "http://localhost:" + server.getPort() + "/metrics";
    }

    @Override
    public void begin(RunFacts facts) {
        figures.begin(facts);
    }

    @Override
    public void step(StepMetrics metrics, SpanLog spans, long startNs, long endNs) {
        figures.step(metrics);
    }

    @Override
    public void workers(List<WorkerMetrics> workers) {
        workersOrNull = workersOrNull == null ? new WorkerFigures(registry) : workersOrNull;
        workers.forEach(workersOrNull::set);
    }

    @Override
    public void evaluation(EvalMetrics metrics) {
        figures.evaluation(metrics);
    }

    /** Stops serving. */
    @Override
    public void close() {
        server.close();
    }
}
