package io.millrace.executor.cpu;

import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.scratch.Intermediates;
import io.millrace.executor.step.Engine;
import io.millrace.executor.step.Forward;
import io.millrace.memory.OwnedResources;
import java.util.List;

/**
 * Several forwards that take turns at each block, on the same workers and in the same memory for
 * intermediates. Each makes the products that it would make alone, of its own rows: so neither its
 * bits nor its shapes depend on the others.
 */
final class CpuJointForward implements Forward.Joint {
    private final List<DecoderForward> forwards;
    private final OwnedResources owned;

    private CpuJointForward(List<DecoderForward> forwards, OwnedResources owned) {
        this.forwards = forwards;
        this.owned = owned;
    }

    /**
     * The same before anything is allocated.
     *
     * @param each the runs' own plans, for as many workers each
     */
    record Planned(List<CpuPlan> each) implements Forward.Joint.Plan {
        @Override
        public Engine.Need need() {
            long own = each.stream().mapToLong(CpuPlan::ownBytes).sum();
            return new Engine.Need(
                    own + Intermediates.bytes(each.stream().map(CpuPlan::scratch).toList()), 0);
        }

        @Override
        public Forward.Joint start(List<Engine.Place> places) {
            OwnedResources owned = new OwnedResources();
            try {
                CpuWorkers workers = owned.own(new CpuWorkers(each.getFirst().workers()));
                Intermediates passing =
                        owned.own(
                                new Intermediates(
                                        places.getFirst().deviceMemory(),
                                        each.stream().map(CpuPlan::scratch).toList()));
                DecoderForward[] forwards = new DecoderForward[each.size()];
                for (int run = 0; run < forwards.length; run++) {
                    OwnedResources own = owned.own(new OwnedResources());
                    forwards[run] = each.get(run).start(places.get(run), workers, passing, own);
                }
                return new CpuJointForward(List.of(forwards), owned);
            } catch (RuntimeException | Error e) {
                try (owned) {
                    throw e;
                }
            }
        }
    }

    @Override
    public void run(List<Asked> asked) {
        forwards.getFirst()
                .run(
                        asked.stream()
                                .map(one ->
                                        forwards.get(one.run()).begin(one.request(), one.sink()))
                                .toList());
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
