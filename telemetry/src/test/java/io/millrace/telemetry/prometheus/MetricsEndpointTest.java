package io.millrace.telemetry.prometheus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.millrace.telemetry.EvalMetrics;
import io.millrace.telemetry.Lane;
import io.millrace.telemetry.LaneUse;
import io.millrace.telemetry.MemoryGauge;
import io.millrace.telemetry.OperatorUse;
import io.millrace.telemetry.RunFacts;
import io.millrace.telemetry.SpanLog;
import io.millrace.telemetry.StepMetrics;
import io.millrace.telemetry.StepOverlap;
import io.millrace.telemetry.WorkerMetrics;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class MetricsEndpointTest {
    private static final SpanLog NO_SPANS = new SpanLog(0);

    @Test
    void servesTheFiguresOfTheLastStepAndTheSumsOfAll() throws Exception {
        AtomicLong held = new AtomicLong(5);
        try (MetricsEndpoint endpoint = MetricsEndpoint.open(0)) {
            endpoint.begin(facts(held));
            endpoint.step(metrics(1, 2.5), NO_SPANS, 0, 100);
            endpoint.step(metrics(2, 2.25), NO_SPANS, 100, 200);
            endpoint.evaluation(new EvalMetrics(2, 1.5, OptionalDouble.of(0.75), "d"));
            held.set(9);

            assertThat(read(endpoint).lines())
                    .contains(
                            "millrace_run{device=\"cpu\",model=\"opt\"} 1.0",
                            "millrace_step 2.0",
                            "millrace_loss 2.25",
                            "millrace_tokens_total 1024.0",
                            "millrace_lane_bytes_total{lane=\"nvme-read\"} 200.0",
                            "millrace_hidden_transfer_ratio 0.5",
                            "millrace_pipeline_efficiency_ratio 0.8",
                            "millrace_bound_lane{lane=\"compute\"} 1.0",
                            "millrace_bound_lane{lane=\"h2d\"} 0.0",
                            "millrace_memory_bytes{tier=\"host\"} 9.0",
                            "millrace_memory_budget_bytes{tier=\"host\"} 100.0",
                            "millrace_eval_accuracy 0.75");
            assertThat(read(endpoint)).contains("process_resident_memory_bytes ");
        }
    }

    @Test
    void servesTheFiguresOfWorkers() throws Exception {
        try (MetricsEndpoint endpoint = MetricsEndpoint.open(0)) {
            endpoint.begin(facts(new AtomicLong()));
            assertThat(read(endpoint)).doesNotContain("millrace_worker");
            endpoint.workers(List.of(worker(0, 1), worker(1, 1)));
            endpoint.workers(List.of(worker(0, 2), worker(1, 1)));

            assertThat(read(endpoint).lines())
                    .contains(
                            "millrace_worker_step{worker=\"0\"} 2.0",
                            "millrace_worker_step{worker=\"1\"} 1.0",
                            "millrace_worker_step_seconds{worker=\"1\"} 0.5",
                            "millrace_worker_wait_seconds{worker=\"1\"} 0.25",
                            "millrace_worker_resident_memory_bytes{worker=\"1\"} 7.0",
                            "millrace_worker_lane_bytes_total{lane=\"nvme-read\",worker=\"0\"} 200.0",
                            "millrace_worker_lane_bytes_total{lane=\"nvme-read\",worker=\"1\"} 100.0");
        }
    }

    private static WorkerMetrics worker(int rank, long step) {
        return new WorkerMetrics(
                rank,
                step,
                0.5,
                0.25,
                1,
                7,
                Arrays.stream(Lane.values())
                        .collect(
                                Collectors.toMap(
                                        lane -> lane,
                                        _ -> new LaneUse((double) step, 100 * step))));
    }

    @Test
    void isReachedFromThisMachineOnlyAndGivesThePortBack() throws Exception {
        int port;
        try (MetricsEndpoint endpoint = MetricsEndpoint.open(0)) {
            port = URI.create(endpoint.address()).getPort();
            assertThat(endpoint.address()).isEqualTo("http://localhost:" + port + "/metrics");
            // A wildcard listener would keep this from being bound.
            try (ServerSocket other =
                    new ServerSocket(port, 1, InetAddress.getByName("127.0.0.2"))) {
                assertThat(other.isBound()).isTrue();
            }
        }
        MetricsEndpoint.open(port).close();
    }

    @Test
    void refusesAPortThatIsTaken() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            assertThatExceptionOfType(UncheckedIOException.class)
                    .isThrownBy(() -> MetricsEndpoint.open(taken.getLocalPort()))
                    .withCauseInstanceOf(BindException.class);
        }
    }

    private static String read(MetricsEndpoint endpoint) throws Exception {
        try (HttpClient client = HttpClient.newHttpClient()) {
            HttpRequest request = HttpRequest.newBuilder(URI.create(endpoint.address())).build();
            return client.send(request, HttpResponse.BodyHandlers.ofString()).body();
        }
    }

    private static StepMetrics metrics(long step, double loss) {
        SpanLog spans = new SpanLog(2);
        spans.add(Lane.NVME_READ, 0, step, 0, 40, 100);
        spans.add(Lane.COMPUTE, 0, step, 20, 100, 0);
        return new StepMetrics(
                step, loss, 0.5, 1e-6, 512, StepOverlap.of(spans, 0, 100), OperatorUse.NONE, 0);
    }

    private static RunFacts facts(AtomicLong held) {
        return new RunFacts(
                "a run",
                "opt",
                "cpu",
                true,
                2,
                List.of(),
                List.of(new MemoryGauge("host", OptionalLong.of(100), held::get, held::get)),
                System::nanoTime);
    }
}
