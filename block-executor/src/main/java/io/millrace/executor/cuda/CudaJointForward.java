package io.millrace.executor.cuda;

import io.millrace.executor.step.Engine;
import io.millrace.executor.step.Forward;
import io.millrace.memory.OwnedResources;
import io.millrace.memory.device.CudaDevice;
import java.util.List;

/**
 * Several forwards that share each block, the kernels and the memory for intermediates. While a
 * block is on the card each makes the launches that it would make alone, one after another on one
 * stream: so neither its bits nor its shapes depend on the others.
 */
final class CudaJointForward implements Forward.Joint {
    private final CudaDevice device;
    private final List<DeviceForward> forwards;
    private final OwnedResources owned;

    private CudaJointForward(
            CudaDevice device, List<DeviceForward> forwards, OwnedResources owned) {
        this.device = device;
        this.forwards = forwards;
        this.owned = owned;
    }

    /**
     * The same before anything is allocated.
     *
     * @param each the runs' own plans
     */
    record Planned(List<CudaPlan> each) implements Forward.Joint.Plan {
        @Override
        public Engine.Need need() {
            long device =
                    CudaPlan.passingBytes(each)
                            + each.stream().mapToLong(plan -> plan.ownNeed().deviceBytes()).sum();
            long host = each.stream().mapToLong(plan -> plan.ownNeed().hostBytes()).sum();
            return new Engine.Need(device, host);
        }

        @Override
        public Forward.Joint start(List<Engine.Place> places) {
            OwnedResources owned = new OwnedResources();
            try {
                CudaDevice device = (CudaDevice) places.getFirst().device();
                device.makeCurrent();
                DeviceShared shared = DeviceShared.start(device, each, owned);
                DeviceForward[] forwards = new DeviceForward[each.size()];
                for (int run = 0; run < forwards.length; run++) {
                    OwnedResources own = owned.own(new OwnedResources());
                    forwards[run] = each.get(run).start(places.get(run), shared, own);
                }
                return new CudaJointForward(device, List.of(forwards), owned);
            } catch (RuntimeException | Error e) {
                try (owned) {
                    throw e;
                }
            }
        }
    }

    @Override
    public void run(List<Asked> asked) {
        device.makeCurrent();
        List<DeviceForward.Begun> begun =
                asked.stream()
                        .map(one -> forwards.get(one.run()).begin(one.request(), one.sink()))
                        .toList();
        forwards.getFirst().run(begun.stream().map(DeviceForward.Begun::course).toList());
        for (int index = 0; index < begun.size(); index++) {
            forwards.get(asked.get(index).run()).answer(begun.get(index));
        }
        forwards.getFirst().report(asked.getFirst().request().step());
    }

    @Override
    public List<Forward> each() {
        return List.copyOf(forwards);
    }

    @Override
    public void close() {
        try {
            device.compute().synchronize();
        } finally {
            owned.close();
        }
    }
}
