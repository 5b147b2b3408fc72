package io.millrace.executor.many;

import io.millrace.executor.TuningRun;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.place.BlockOrigin;
import io.millrace.executor.place.SharedModel;
import io.millrace.executor.run.FinishedRun;
import io.millrace.executor.run.RunPreparation;
import io.millrace.executor.run.RunSetup;
import io.millrace.executor.run.RunSummary;
import io.millrace.executor.spread.Workers;
import io.millrace.executor.step.Engine;
import io.millrace.executor.step.Forward;
import io.millrace.memory.OwnedResources;
import io.millrace.model.WeightScan;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Runs of several adapters beside one base, in passes that they share: a block is read once for
 * all. Each leaves in its folder what it would leave had it run alone, byte for byte; stopped or
 * killed, each goes on from where it was, together with others or alone.
 */
public final class ManyRuns {
    private final List<TuneConfig> configs;
    private final ManyListener listener;
    private final Outcome[] outcomes;

    /**
     * How one of the runs ended.
     *
     * @param summary what it did, unless it failed
     * @param failure what ended it
     */
    public record Outcome(Optional<RunSummary> summary, Optional<RuntimeException> failure) {
        /** Whether it was asked to stop before its last step. */
        public boolean interrupted() {
            return summary.filter(RunSummary::interrupted).isPresent();
        }
    }

    private ManyRuns(List<TuneConfig> configs, ManyListener listener) {
        this.configs = List.copyOf(configs);
        this.listener = listener;
        outcomes = new Outcome[configs.size()];
    }

    /**
     * Runs all to their last steps, or until the listener asks to stop. A run that fails under way
     * ends alone.
     *
     * @param configs as {@link io.millrace.executor.config.ManyConfigs} makes them: of one base and
     *     the same memory, each with a folder of its own
     * @param listener hears of every step of each
     * @return how each ended
     * @throws io.millrace.memory.BadInputException when the input of any is refused; all folders
     *     are as they were then
     */
    public static List<Outcome> run(List<TuneConfig> configs, ManyListener listener) {
        ManyRuns runs = new ManyRuns(configs, listener);
        runs.run();
        return List.of(runs.outcomes);
    }

    private void run() {
        List<Integer> left = new ArrayList<>();
        for (int run = 0; run < outcomes.length; run++) {
            Optional<RunSummary> done = FinishedRun.summary(configs.get(run));
            if (done.isPresent()) {
                outcomes[run] = new Outcome(done, Optional.empty());
            } else {
                left.add(run);
            }
        }
        if (!left.isEmpty()) {
            run(left);
        }
    }

    private void run(List<Integer> left) {
        List<RunPreparation> prepared = new ArrayList<>();
        try {
            Optional<WeightScan> base = Optional.empty();
            for (int run : left) {
                RunPreparation one =
                        RunPreparation.of(
                                configs.get(run), 0, base, listener.of(run), Workers.alone());
                prepared.add(one);
                base = Optional.of(one.base());
            }
            share(left, prepared);
        } catch (RuntimeException | Error e) {
            // Backwards: the first has made the folder that the others' are in.
            prepared.reversed().forEach(one -> one.giveUp(e));
            throw e;
        }
    }

    private void share(List<Integer> left, List<RunPreparation> prepared) {
        RunPreparation first = prepared.getFirst();
        List<Engine.Plan> plans = prepared.stream().map(RunPreparation::forwards).toList();
        List<BlockOrigin> origins = prepared.stream().map(RunPreparation::origin).toList();
        try (OwnedResources setups = new OwnedResources();
                // Closed first: it reads the base that a session holds.
                SharedModel model =
                        SharedModel.plan(
                                first.session(),
                                plans,
                                origins,
                                prepared.stream().mapToLong(RunPreparation::endBytes).sum(),
                                first.forecast())) {
            prepared.forEach(one -> one.require(model.tiers()));
            Forward.Joint joint =
                    model.start(
                            prepared.stream()
                                    .mapToLong(RunPreparation::firstStep)
                                    .min()
                                    .orElseThrow());
            SpanRelay relay =
                    new SpanRelay(
                            model.spans(),
                            prepared.stream().map(one -> one.session().spans()).toList());
            Meeting meeting = new Meeting(joint, relay);
            List<Thread> threads = new ArrayList<>();
            for (int place = 0; place < prepared.size(); place++) {
                int member = place;
                int run = left.get(place);
                RunSetup setup =
                        setups.own(
                                prepared.get(place)
                                        .begin(model.of(meeting.of(member), member == 0)));
                threads.add(
                        Thread.ofPlatform()
                                .name("millrace-run-" + (run + 1))
                                .unstarted(() -> {
                                    try {
                                        outcomes[run] = outcome(run, setup);
                                    } finally {
                                        meeting.leave(member);
                                    }
                                }));
            }
            threads.forEach(Thread::start);
            meeting.serve();
            threads.forEach(ManyRuns::join);
        }
    }

    private Outcome outcome(int run, RunSetup setup) {
        try {
            return new Outcome(
                    Optional.of(TuningRun.run(configs.get(run), listener.of(run), setup)),
                    Optional.empty());
        } catch (RuntimeException e) {
            return new Outcome(Optional.empty(), Optional.of(e));
        }
    }

    private static void join(Thread thread) {
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
