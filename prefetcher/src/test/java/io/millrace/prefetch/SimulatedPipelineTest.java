package io.millrace.prefetch;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.device.DeviceName;
import io.millrace.prefetch.plan.ComputeRates;
import io.millrace.prefetch.plan.FormRates;
import io.millrace.prefetch.plan.Machine;
import io.millrace.prefetch.plan.PipelineSimulation;
import io.millrace.telemetry.Lane;
import io.millrace.telemetry.SpanLog;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The simulation moves the very blocks that the pipeline moves, lane by lane and in that order. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class SimulatedPipelineTest {
    private static final int PASSES = 4;
    private static final Machine MACHINE =
            new Machine(
                    "any",
                    false,
                    new Machine.Drive(1e6, 1e6, 1e6, 1e6, 0, 0, 0, 0, "none"),
                    new Machine.Host(2, 1, 1, 1, 1, -1),
                    new Machine.Accelerator(
                            DeviceName.cuda(0),
                            false,
                            0,
                            1e6,
                            1e6,
                            1e6,
                            1e6,
                            0,
                            new ComputeRates(
                                    List.of(new ComputeRates.MatmulRate(1, 1, 1)),
                                    List.of(new ComputeRates.AttentionRate(1, 1, 1)),
                                    new FormRates(Map.of(), Map.of(), Map.of(), Optional.empty()),
                                    Map.of(),
                                    0,
                                    0,
                                    List.of())),
                    List.of());

    @TempDir Path folder;

    @ParameterizedTest
    @CsvSource({
        "200000, -1, 2, true",
        "50000, -1, 2, true",
        "50000, -1, 1, true",
        "34000, -1, 2, true",
        "50000, -1, 2, false",
        "200000, 40000, 2, true",
        "50000, 40000, 2, true",
        "34000, 26000, 1, true",
        "50000, 60000, 2, false"
    })
    void everyLaneMovesTheSameBlocksInTheSameOrder(
            long host, long device, int prefetch, boolean overlap) {
        try (FeedRig rig = new FeedRig(folder)) {
            Placement placement = rig.place(FeedRig.UNTIED, host, device, prefetch);
            FeedOptions options = FeedOptions.defaults().withOverlap(overlap);
            PipelinedFeed feed = rig.start(placement, options);
            FeedRig.tune(feed, FeedRig.UNTIED, 1, PASSES, 1);
            feed.flush();
            assertThat(simulated(placement, overlap)).isEqualTo(moved(rig));
        }
    }

    private static Map<Lane, List<String>> simulated(Placement placement, boolean overlap) {
        int count = FeedRig.UNTIED.size();
        double[] compute = new double[count];
        boolean[] changes = new boolean[count];
        Arrays.fill(compute, 0.01);
        Arrays.fill(changes, true);
        Map<Lane, List<String>> moves = new EnumMap<>(Lane.class);
        PipelineSimulation.Result result =
                PipelineSimulation.simulate(
                        placement,
                        MACHINE,
                        new PipelineSimulation.Run(compute, changes, 0, PASSES, overlap));
        for (PipelineSimulation.Span span : result.spans()) {
            note(moves, span.lane(), span.visit() / count + 1, span.block());
        }
        return moves;
    }

    private static Map<Lane, List<String>> moved(FeedRig rig) {
        SpanLog log = rig.spans.newLog();
        rig.spans.drain(rig.spans.now(), log);
        Map<Lane, List<String>> moves = new EnumMap<>(Lane.class);
        for (int i = 0; i < log.size(); i++) {
            note(moves, log.lane(i), log.step(i), log.block(i));
        }
        return moves;
    }

    /** From the second pass on; the first also loads what stays, and the last is cut off. */
    private static void note(Map<Lane, List<String>> moves, Lane lane, long pass, int block) {
        if (lane != Lane.COMPUTE && pass > 1 && pass < PASSES) {
            moves.computeIfAbsent(lane, missing -> new ArrayList<>())
                    .add("block " + block + " in pass " + pass);
        }
    }
}
