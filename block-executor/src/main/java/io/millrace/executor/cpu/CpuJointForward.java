package io.millrace.executor.cpu;

import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.scratch.Intermediates;
import io.millrace.executor.cpu.scratch.ScratchPlan;
import io.millrace.executor.schedule.Schedule;
import io.millrace.executor.step.Engine;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.ScratchSize;
import io.millrace.executor.step.VisitLoop;
import io.millrace.memory.OwnedResources;
import java.util.ArrayList;
import java.util.List;

/**
 * Several forwards that share each block, and the workers. Where they have few rows they go through
 * it in step, so that a panel of a matrix comes from memory, and is formed, once for all; where
 * rows are many they take turns, in the same memory for intermediates. Each makes the products that
 * it would make alone, of its own rows: so neither its bits nor its shapes depend on the others.
 */
final class CpuJointForward implements Forward.Joint {
    private final List<DecoderForward> forwards;
    private final boolean inStep;
    private final OwnedResources owned;

    private CpuJointForward(List<DecoderForward> forwards, boolean inStep, OwnedResources owned) {
        this.forwards = forwards;
        this.inStep = inStep;
        this.owned = owned;
    }

    /**
     * The same before anything is allocated.
     *
     * @param each the runs' own plans, for as many workers each
     * @param inStep whether each has intermediates of its own
     */
    record Planned(List<CpuPlan> each, boolean inStep) implements Forward.Joint.Plan {
        private static final int SHARE = 8;

        /**
         * Plans of runs that go in step where rows are few, and where the memory that it takes
         * would hold few blocks.
         *
         * @param memory in which blocks lie too
         */
        static Planned of(List<CpuPlan> each, long memory) {
            Planned inTurns = new Planned(each, false);
            if (!canGoInStep(each)) {
                return inTurns;
            }
            long rows = each.stream().mapToLong(plan -> plan.passes().size().rowsAtOnce()).sum();
            Planned inStep = new Planned(each, true);
            long more = inStep.need().deviceBytes() - inTurns.need().deviceBytes();
            return rows <= ScratchSize.MOST_ROWS_AT_ONCE && more <= memory / SHARE
                    ? inStep
                    : inTurns;
        }

        private static boolean canGoInStep(List<CpuPlan> each) {
            List<Schedule> first = each.getFirst().scratch().schedules();
            for (CpuPlan plan : each) {
                List<Schedule> own = plan.scratch().schedules();
                if (!plan.passes().readsMatrices(plan.layout()) || own.size() != first.size()) {
                    return false;
                }
                for (int block = 0; block < first.size(); block++) {
                    if (own.get(block).experts().isPresent()
                            || !InStep.alike(first.get(block), own.get(block))) {
                        return false;
                    }
                }
            }
            return true;
        }

        private List<ScratchPlan> scratches() {
            return each.stream().map(CpuPlan::scratch).toList();
        }

        @Override
        public Engine.Need need() {
            long own = each.stream().mapToLong(CpuPlan::ownBytes).sum();
            long passing =
                    inStep
                            ? Intermediates.bytesInStep(scratches())
                            : Intermediates.bytes(scratches());
            return new Engine.Need(own + passing, CpuPlan.stagingBytes(each.getFirst().layout()));
        }

        @Override
        public Forward.Joint start(List<Engine.Place> places) {
            OwnedResources owned = new OwnedResources();
            try {
                CpuWorkers workers = owned.own(new CpuWorkers(each.getFirst().workers()));
                Intermediates shared =
                        owned.own(new Intermediates(places.getFirst().deviceMemory(), scratches()));
                DecoderForward[] forwards = new DecoderForward[each.size()];
                for (int run = 0; run < forwards.length; run++) {
                    CpuPlan plan = each.get(run);
                    Engine.Place place = places.get(run);
                    Intermediates passing = shared;
                    if (inStep && run > 0) {
                        passing =
                                owned.own(
                                        new Intermediates(
                                                place.deviceMemory(), plan.scratch(), shared));
                    }
                    OwnedResources own = owned.own(new OwnedResources());
                    forwards[run] = plan.start(place, workers, passing, own);
                }
                return new CpuJointForward(List.of(forwards), inStep, owned);
            } catch (RuntimeException | Error e) {
                try (owned) {
                    throw e;
                }
            }
        }
    }

    @Override
    public void run(List<Asked> asked) {
        if (inStep) {
            runInStep(asked);
            return;
        }
        forwards.getFirst()
                .run(
                        asked.stream()
                                .map(one ->
                                        forwards.get(one.run()).begin(one.request(), one.sink()))
                                .toList());
    }

    private void runInStep(List<Asked> asked) {
        List<VisitLoop.Course> courses = new ArrayList<>();
        List<List<InStep.Member>> said = new ArrayList<>();
        for (Asked one : asked) {
            List<InStep.Member> own = new ArrayList<>();
            said.add(own);
            DecoderForward forward = forwards.get(one.run());
            courses.add(
                    forward.begin(
                            one.request(),
                            one.sink(),
                            (entry, frame, _) -> own.add(forward.member(entry, frame))));
        }
        forwards.getFirst()
                .run(
                        courses,
                        () -> {
                            compute(said);
                            said.forEach(List::clear);
                        });
    }

    /** The first micro-batch of every run, then the second of those that have one, and so on. */
    private static void compute(List<List<InStep.Member>> said) {
        int most = said.stream().mapToInt(List::size).max().orElseThrow();
        for (int index = 0; index < most; index++) {
            int at = index;
            InStep.run(
                    said.stream()
                            .filter(members -> members.size() > at)
                            .map(members -> members.get(at))
                            .toList());
        }
    }

    @Override
    public List<Forward> each() {
        return List.copyOf(forwards);
    }

    @Override
    public void close() {
        owned.close();
    }
}
