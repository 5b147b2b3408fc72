package io.millrace.executor.run;

import io.millrace.executor.config.GivenPaths;
import io.millrace.executor.config.OutputConfig;
import io.millrace.executor.config.data.TrackConfig;
import io.millrace.executor.place.BlockTiers;
import io.millrace.executor.place.ModelSession;
import io.millrace.executor.spread.ClockOffset;
import io.millrace.executor.spread.Workers;
import io.millrace.memory.BadInputException;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.Ledger;
import io.millrace.memory.Tier;
import io.millrace.model.ModelLayout;
import io.millrace.telemetry.EvalMetrics;
import io.millrace.telemetry.MemoryGauge;
import io.millrace.telemetry.RunFacts;
import io.millrace.telemetry.StepEvents;
import io.millrace.telemetry.StepMeter;
import io.millrace.telemetry.StepMetrics;
import io.millrace.telemetry.StepObserver;
import io.millrace.telemetry.TraceWriter;
import io.millrace.telemetry.WorkerMetrics;
import io.millrace.telemetry.prometheus.MetricsEndpoint;
import io.millrace.telemetry.track.RunEnd;
import io.millrace.telemetry.track.Tracking;
import java.io.UncheckedIOException;
import java.lang.System.Logger.Level;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.stream.Stream;

/** Everyone who watches a run: the exporters that its options ask for, and those of the caller. */
public final class RunObservers implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(RunObservers.class.getName());

    /** Of the timelines that workers send to worker 0, all together. */
    private static final int TIMELINE_BYTES = 32 << 20;

    private final OutputConfig output;
    private final Optional<MetricsEndpoint> endpoint;
    private final List<StepObserver> observers = new ArrayList<>();
    private Optional<TraceWriter> trace = Optional.empty();
    private Optional<Tracking> tracking = Optional.empty();

    private RunObservers(OutputConfig output, Optional<MetricsEndpoint> endpoint) {
        this.output = output;
        this.endpoint = endpoint;
    }

    /**
     * Takes the port that the options name, and looks that the timeline can be written, before
     * anything else of the run happens.
     *
     * @param output what the run leaves behind and shows
     * @param more observers of the caller, who closes them
     * @throws BadInputException when the port cannot be had, or the file not be written
     */
    public static RunObservers open(OutputConfig output, List<StepObserver> more) {
        output.trace().ifPresent(file -> GivenPaths.requireWritableFile("--trace", file));
        RunObservers opened = new RunObservers(output, endpoint(output.metricsPort()));
        opened.observers.add(new StepEvents());
        opened.endpoint.ifPresent(opened.observers::add);
        opened.observers.addAll(more);
        return opened;
    }

    private static Optional<MetricsEndpoint> endpoint(OptionalInt port) {
        if (port.isEmpty()) {
            return Optional.empty();
        }
        try {
            return Optional.of(MetricsEndpoint.open(port.getAsInt()));
        } catch (UncheckedIOException e) {
            throw new BadInputException(
                    "--metrics-port",
                    "port " + port.getAsInt() + " cannot be had: " + e.getCause().getMessage(),
                    "give another, or 0 for any that is free");
        }
    }

    /** The run is ready: opens the timeline and tells everyone what comes. */
    public void begin(RunSetup setup) {
        ModelSession session = setup.session();
        Workers workers = setup.workers();
        ClockOffset clock = workers.clock(session.spans()::now);
        trace = output.trace().map(file -> trace(file, workers, clock));
        trace.ifPresent(observers::add);
        if (setup.workers().leads()) {
            tracking = Optional.of(tracking(setup));
        }
        tracking.ifPresent(observers::add);
        RunFacts facts = facts(setup);
        observers.forEach(observer -> observer.begin(facts));
        setup.model().watchVisits(this::visit);
    }

    private static TraceWriter trace(Path file, Workers workers, ClockOffset clock) {
        if (workers.isAlone()) {
            return new TraceWriter(file, clock.originNs());
        }
        String name = "worker " + workers.rank();
        String within = String.format(Locale.ROOT, ", within %.3f ms", clock.errorNs() / 1e6);
        return new TraceWriter(
                file, clock.originNs(), workers.rank() + 1, workers.leads() ? name : name + within);
    }

    /**
     * Brings the timelines of all workers into worker 0's, where they lie over one another by its
     * clock. All workers call it behind their last step.
     */
    public void gatherTimelines(Workers workers) {
        if (workers.isAlone()) {
            return;
        }
        String mine = "";
        if (!workers.leads() && trace.isPresent()) {
            trace.get().close();
            mine =
                    TraceWriter.events(
                            output.trace().orElseThrow(), TIMELINE_BYTES / workers.size());
        }
        List<byte[]> all = workers.leave(mine.getBytes(StandardCharsets.UTF_8));
        if (workers.leads() && trace.isPresent()) {
            all.forEach(bytes -> trace.get().include(new String(bytes, StandardCharsets.UTF_8)));
        }
    }

    private Tracking tracking(RunSetup setup) {
        TrackConfig asked = output.track();
        long firstStep = setup.history().updates().lastStep() + 1;
        return Tracking.open(
                asked.names(),
                asked.request(output.out(), firstStep, setup.options()),
                line -> LOG.log(Level.WARNING, line));
    }

    /** Where the run's figures are served, in words; empty where they are not. */
    public String describe() {
        return endpoint.map(server -> "; metrics at " + server.address()).orElse("");
    }

    // Plain loops from here on: inside a step nothing may be allocated.
    private void visit() {
        for (int i = 0; i < observers.size(); i++) {
            observers.get(i).visit();
        }
    }

    public void between(StepMeter meter) {
        observers.forEach(observer -> observer.between(meter.spans()));
    }

    public void step(StepMetrics metrics, StepMeter meter) {
        observers.forEach(
                observer -> observer.step(metrics, meter.spans(), meter.startNs(), meter.endNs()));
    }

    /** What the workers of the run told of their last step. */
    public void workers(List<WorkerMetrics> workers) {
        observers.forEach(observer -> observer.workers(workers));
    }

    public void evaluation(EvalMetrics metrics) {
        observers.forEach(observer -> observer.evaluation(metrics));
    }

    /** How the run ended, for who follows it; of one that fails nothing is said. */
    public void ended(RunEnd end) {
        tracking.ifPresent(followers -> followers.ended(end));
    }

    /** The kinds of memory that a run holds. */
    public static List<MemoryGauge> gauges(RunSetup setup) {
        return gauges(setup.session().ledger(), setup.model().tiers().device().unifiedMemory());
    }

    @Override
    public void close() {
        TraceWriter traceOrNull = trace.orElse(null);
        try (MetricsEndpoint _ = endpoint.orElse(null);
                Tracking _ = tracking.orElse(null)) {
            if (traceOrNull != null) {
                traceOrNull.close();
            }
        }
    }

    private static RunFacts facts(RunSetup setup) {
        ModelSession session = setup.session();
        BlockTiers tiers = setup.model().tiers();
        return new RunFacts(
                setup.describe(),
                session.checkpoint().program().modelType(),
                tiers.device().name().toString(),
                tiers.device().unifiedMemory(),
                tiers.placement().prefetch(),
                blocks(session.layout(), tiers),
                gauges(setup),
                session.spans()::now);
    }

    private static List<RunFacts.BlockFact> blocks(ModelLayout layout, BlockTiers tiers) {
        String[] names = new String[layout.blocks().size()];
        List<Integer> visits = layout.visits();
        for (int layer = 0; layer < layout.experts().size(); layer++) {
            names[visits.get(layer + 1)] = "layer " + layer;
            List<Integer> experts = layout.experts().get(layer);
            for (int expert = 0; expert < experts.size(); expert++) {
                names[experts.get(expert)] = "layer " + layer + ", expert " + expert;
            }
        }
        String first = layout.isTied() ? "embedding and head" : "embedding";
        for (int block : layout.panels().head()) {
            names[block] = "head" + rows(layout.block(block));
        }
        for (int block : layout.panels().embedding()) {
            names[block] = first + rows(layout.block(block));
        }
        names[visits.getLast()] = "head";
        names[visits.getFirst()] = first;
        return layout.blocks().stream()
                .map(block ->
                        new RunFacts.BlockFact(
                                names[block.index()],
                                block.sizeBytes(),
                                tiers.placement().homes().get(block.index()).label()))
                .toList();
    }

    private static String rows(BlockLayout panel) {
        return ", rows from " + panel.tensors().getFirst().firstRow();
    }

    private static List<MemoryGauge> gauges(Ledger ledger, boolean unified) {
        return Stream.of(Tier.DEVICE, Tier.HOST, Tier.NVME)
                .filter(tier -> tier != Tier.DEVICE || !unified)
                .map(tier ->
                        new MemoryGauge(
                                tier.label(),
                                ledger.budget(tier) == Ledger.UNLIMITED
                                        ? OptionalLong.empty()
                                        : OptionalLong.of(ledger.budget(tier)),
                                () -> ledger.inUse(tier),
                                () -> ledger.highWater(tier)))
                .toList();
    }
}
