package io.millrace.prefetch;

import io.millrace.memory.Tier;
import io.millrace.memory.host.HostMemory;
import io.millrace.prefetch.residency.Residency;
import io.millrace.prefetch.residency.SlotCut;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * Which blocks stay where for a whole run, and the slots through which the others pass. The set
 * that stays is fixed: visits go round and round, and of a cycle that does not fit, the least
 * recently used block is always the next one needed. A pass may visit less than the whole plan that
 * this was made for, or in another order: then more moves, or less, and nothing else changes.
 *
 * @param request what was asked for
 * @param homes of each block: the fastest tier where it stays; {@link Tier#HOST} on a device
 *     without memory of its own
 * @param hostSlots host slots for blocks that live on NVMe, whole pages
 * @param deviceSlots bytes of each device slot for blocks that do not live there
 * @param stagingBytes a host slot by which blocks that live on the device come and go; 0 for none
 * @param prefetch visits ahead that the slots allow, at most what was asked for
 */
public record Placement(
        PlacementRequest request,
        List<Tier> homes,
        List<SlotCut> hostSlots,
        List<Long> deviceSlots,
        long stagingBytes,
        int prefetch)
        implements PlacementAnswer {
    /** Freezes the lists. */
    public Placement {
        homes = List.copyOf(homes);
        hostSlots = List.copyOf(hostSlots);
        deviceSlots = List.copyOf(deviceSlots);
    }

    /**
     * Places blocks so that the prefetch distance is kept if at all possible, and then as few bytes
     * as possible move in a step. On a device of its own, blocks stay on it first.
     */
    public static PlacementAnswer plan(PlacementRequest request) {
        long[] pages = pages(request);
        int largest = largest(pages);
        if (request.hostBudget() < pages[largest]) {
            return new PlacementRefusal(Tier.HOST, pages[largest], request.hostBudget(), largest);
        }
        if (request.isUnified()) {
            return onHost(request, pages, LevelPlan.none(pages.length)).orElseThrow();
        }
        if (request.deviceBudget() < pages[largest]) {
            return new PlacementRefusal(
                    Tier.DEVICE, pages[largest], request.deviceBudget(), largest);
        }
        int window = 1 + Math.min(1, request.prefetch()) + writing(request);
        BitSet all = all(pages.length);
        LevelPlan device =
                LevelPlan.widest(
                                pages,
                                request.visits(),
                                all,
                                request.deviceBudget(),
                                window,
                                LevelPlan.Rules.DEVICE)
                        .orElseThrow();
        // Without host memory for the way in and out of the device, nothing can stay there.
        return onHost(request, pages, device)
                .or(() ->
                        LevelPlan.widest(
                                        pages,
                                        request.visits(),
                                        all,
                                        request.deviceBudget(),
                                        window,
                                        LevelPlan.Rules.PASSING)
                                .flatMap(passing -> onHost(request, pages, passing)))
                .orElseThrow();
    }

    private static Optional<Placement> onHost(
            PlacementRequest request, long[] pages, LevelPlan device) {
        long staging = device.resident().stream().mapToLong(block -> pages[block]).max().orElse(0);
        BitSet others = all(pages.length);
        others.andNot(device.resident());
        int prefetch = request.prefetch();
        int uploading = request.isUnified() || prefetch == 0 ? 0 : 1;
        int window = 1 + prefetch + uploading + writing(request);
        return LevelPlan.widest(
                        pages,
                        request.visits(),
                        others,
                        request.hostBudget() - staging,
                        window,
                        LevelPlan.Rules.HOST)
                .map(host ->
                        new Placement(
                                request,
                                homes(pages.length, device, host),
                                host.slots(),
                                device.slots().stream().map(SlotCut::bytes).toList(),
                                staging,
                                Math.min(prefetch, host.window() - 1)));
    }

    private static List<Tier> homes(int blocks, LevelPlan device, LevelPlan host) {
        List<Tier> homes = new ArrayList<>();
        for (int block = 0; block < blocks; block++) {
            homes.add(
                    device.resident().get(block)
                            ? Tier.DEVICE
                            : host.resident().get(block) ? Tier.HOST : Tier.NVME);
        }
        return homes;
    }

    /** The smallest host budget for weights that any placement of these blocks needs. */
    public static long minimumHostBytes(PlacementRequest request) {
        long[] pages = pages(request);
        return pages[largest(pages)];
    }

    /** The smallest device budget for weights; 0 on a device without memory of its own. */
    public static long minimumDeviceBytes(PlacementRequest request) {
        return request.isUnified() ? 0 : minimumHostBytes(request);
    }

    /**
     * The largest block that comes for a host slot before a visit's own is free again: while the
     * visits ahead of it are fetched, while it is computed, and while it goes back.
     *
     * @param plan of the pass
     * @param place of the visit in it
     * @param next of the passes behind it
     */
    public long soonThroughHost(VisitPlan plan, int place, VisitPlan next) {
        return soon(plan, place, next, home -> home == Tier.NVME);
    }

    /**
     * Whether the beginning of its block is to be read for a visit, and no more: it is enough for
     * the visit, and by the time of the next to the same block its slot will have been another's.
     *
     * @param plan of the pass
     * @param place of the visit in it
     * @param next of the passes behind it
     */
    public boolean readsHead(VisitPlan plan, int place, VisitPlan next) {
        int block = plan.block(place);
        boolean comes = request.isUnified() && homes.get(block) == Tier.NVME;
        if (!comes || !plan.isHeadEnough(place)) {
            return false;
        }
        int others = hostSlots.stream().mapToInt(SlotCut::room).sum();
        for (int ahead = 1; others > 0 && ahead <= plan.size(); ahead++) {
            VisitPlan.Entry entry = plan.entryBehind(place, ahead, next);
            if (entry.block() == block) {
                return false;
            }
            others -= homes.get(entry.block()) == Tier.NVME && !entry.optional() ? 1 : 0;
        }
        return true;
    }

    /** Of visits that may come, all are reckoned with, and none is counted. */
    private long soon(VisitPlan plan, int place, VisitPlan next, Predicate<Tier> moves) {
        long largest = 0;
        int counted = 0;
        for (int ahead = 1; counted < prefetch + 2 && ahead <= plan.size(); ahead++) {
            VisitPlan.Entry entry = plan.entryBehind(place, ahead, next);
            if (moves.test(homes.get(entry.block()))) {
                largest = Math.max(largest, request.blockBytes().get(entry.block()));
            }
            counted += entry.optional() ? 0 : 1;
        }
        return largest;
    }

    /** The same for a device slot. */
    public long soonThroughDevice(VisitPlan plan, int place, VisitPlan next) {
        return soon(plan, place, next, home -> home != Tier.DEVICE);
    }

    /** The rules by which its blocks come and go, with all of them at rest on their way in. */
    public Residency newResidency() {
        return new Residency(
                homes, request.blockBytes(), hostSlots, deviceSlots, request.isUnified());
    }

    /** Bytes of host memory for weights: what stays there, slots and staging. */
    public long hostBytes() {
        return residentBytes(Tier.HOST)
                + hostSlots.stream().mapToLong(SlotCut::bytes).sum()
                + stagingBytes;
    }

    /** Bytes of device memory for weights; 0 on a device without memory of its own. */
    public long deviceBytes() {
        return residentBytes(Tier.DEVICE) + deviceSlots.stream().mapToLong(Long::longValue).sum();
    }

    /** Bytes read from NVMe in a step after the first, at most: visits in a row share a read. */
    public long nvmeBytesPerStep() {
        return request.visits().stream()
                .filter(block -> homes.get(block) == Tier.NVME)
                .mapToLong(block -> request.blockBytes().get(block))
                .sum();
    }

    private long residentBytes(Tier tier) {
        long bytes = 0;
        for (int block = 0; block < homes.size(); block++) {
            if (homes.get(block) == tier) {
                bytes += HostMemory.pageBytes(request.blockBytes().get(block));
            }
        }
        return bytes;
    }

    private static int writing(PlacementRequest request) {
        return request.writesBack() ? 1 : 0;
    }

    private static long[] pages(PlacementRequest request) {
        return request.blockBytes().stream().mapToLong(HostMemory::pageBytes).toArray();
    }

    private static int largest(long[] pages) {
        int largest = 0;
        for (int block = 1; block < pages.length; block++) {
            largest = pages[block] > pages[largest] ? block : largest;
        }
        return largest;
    }

    private static BitSet all(int blocks) {
        BitSet all = new BitSet(blocks);
        all.set(0, blocks);
        return all;
    }
}
