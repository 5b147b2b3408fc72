package io.millrace.prefetch.residency;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.Tier;
import io.millrace.prefetch.residency.Residency.Claim;
import io.millrace.prefetch.residency.Residency.Leaving;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * The five lanes around a {@link Residency}, taken on by a random scheduler one move at a time; the
 * bytes of a block are a number, which every change makes another.
 */
final class LaneWorld {
    private static final int VISITS = 60;
    private static final int READ = 0;
    private static final int UPLOAD = 1;
    private static final int COMPUTE = 2;
    private static final int DOWNLOAD = 3;
    private static final int WRITE = 4;

    private final SplittableRandom random;
    private final boolean unified;
    private final List<Tier> homes;
    private final List<Long> sizes;
    private final List<SlotCut> hostCuts;
    private final List<Long> deviceSizes;
    private final Residency residency;
    private final int[] lanes;

    private final int[] visits = new int[VISITS];
    private final boolean[] changes = new boolean[VISITS];
    private final boolean[] settles = new boolean[VISITS];
    private final boolean[] heads = new boolean[VISITS]; // the beginning is enough
    private final boolean[] later = new boolean[VISITS]; // given back by the download lane
    private final boolean[] downloads = new boolean[VISITS];
    private final boolean[] writes = new boolean[VISITS];
    private final boolean[] drops = new boolean[VISITS]; // turned out not to come
    private final boolean[] wasRead = new boolean[VISITS];
    private final boolean[] claimedHost = new boolean[VISITS];
    private final boolean[] claimedDevice = new boolean[VISITS];

    private final int[] passed = new int[WRITE + 1];
    private final boolean[] moving = new boolean[WRITE + 1];

    private final long[] newest;
    private final long[] onDrive;
    private final long[] driveVersion;
    private final long[] onHost; // in a slot, or where it stays
    private final boolean[] headOnly; // what is in a slot has no more
    private final long[] onDevice;
    private final long[] staged;
    private final int[] inUse; // visits that compute on the block
    private final int[] settledAt; // the visit after which it was last to be written in place
    private final Map<Long, Long> bytesOfVersion = new HashMap<>();
    private long made;

    private LaneWorld(SplittableRandom random) {
        this.random = random;
        unified = random.nextBoolean();
        int blocks = 2 + random.nextInt(6);
        Tier[] possible =
                unified
                        ? new Tier[] {Tier.HOST, Tier.NVME, Tier.NVME}
                        : new Tier[] {Tier.DEVICE, Tier.HOST, Tier.NVME, Tier.NVME};
        homes =
                IntStream.range(0, blocks)
                        .mapToObj(block -> possible[random.nextInt(possible.length)])
                        .toList();
        sizes = random.longs(blocks, 1, 4).boxed().toList();
        hostCuts = cut(slots(homes.stream().map(home -> home == Tier.NVME).toList()));
        deviceSizes = slots(homes.stream().map(home -> !unified && home != Tier.DEVICE).toList());
        residency = new Residency(homes, sizes, hostCuts, deviceSizes, unified);
        lanes =
                unified
                        ? new int[] {READ, COMPUTE, WRITE}
                        : new int[] {READ, UPLOAD, COMPUTE, DOWNLOAD, WRITE};
        newest = new long[blocks];
        onDrive = new long[blocks];
        driveVersion = new long[blocks];
        onHost = new long[blocks];
        headOnly = new boolean[blocks];
        onDevice = new long[blocks];
        staged = new long[blocks];
        inUse = new int[blocks];
        settledAt = new int[blocks];
        Arrays.fill(settledAt, -1);
        for (int block = 0; block < blocks; block++) {
            newest[block] = ++made;
            onDrive[block] = made;
            bytesOfVersion.put((long) block, made);
        }
        for (int visit = 0; visit < VISITS; visit++) {
            visits[visit] = random.nextInt(blocks);
            heads[visit] =
                    unified && homes.get(visits[visit]) == Tier.NVME && random.nextInt(3) == 0;
            changes[visit] = !heads[visit] && random.nextInt(3) > 0;
            settles[visit] = random.nextInt(4) == 0;
            later[visit] = !unified && random.nextBoolean();
        }
    }

    static LaneWorld random(SplittableRandom random) {
        return new LaneWorld(random);
    }

    /** One slot that holds every block that passes, and some more of any size. */
    private List<Long> slots(List<Boolean> passes) {
        long largest =
                IntStream.range(0, sizes.size())
                        .filter(passes::get)
                        .mapToLong(sizes::get)
                        .max()
                        .orElse(0);
        if (largest == 0) {
            return List.of();
        }
        List<Long> slots =
                new ArrayList<>(
                        LongStream.generate(() -> 1 + random.nextLong(3))
                                .limit(random.nextInt(4))
                                .boxed()
                                .toList());
        slots.add(largest);
        return slots;
    }

    private List<SlotCut> cut(List<Long> slots) {
        return slots.stream()
                .map(bytes -> SlotCut.of(bytes, random.nextInt(1 + Math.toIntExact(bytes))))
                .toList();
    }

    void run() {
        int idle = 0;
        while (passed[WRITE] < VISITS) {
            // Some lanes are much slower than others, and not the same ones for long.
            int lane = lanes[random.nextInt(lanes.length)];
            boolean moved = false;
            for (int times = 1 + random.nextInt(6); times > 0; times--) {
                moved |= advance(lane);
            }
            requireSlots();
            int coming = passed[COMPUTE] + random.nextInt(7) + (moving[COMPUTE] ? 1 : 0);
            if (coming < VISITS && random.nextInt(12) == 0) {
                drops[coming] = true;
            }
            idle = moved ? 0 : idle + 1;
            if (idle > 200 && Arrays.stream(lanes).noneMatch(this::advance)) {
                throw new AssertionError(
                        "stuck: lanes have passed "
                                + Arrays.toString(passed)
                                + " of "
                                + Arrays.toString(visits)
                                + ", homes "
                                + homes);
            }
        }
    }

    /** Takes a lane one move on; false where it has to wait. */
    private boolean advance(int lane) {
        int visit = passed[lane];
        if (moving[lane]) {
            moving[lane] = false;
            end(lane, visit);
            passed[lane]++;
            return true;
        }
        if (visit == VISITS || before(lane) <= visit) {
            return false;
        }
        Claim claim = begin(lane, visit);
        moving[lane] = claim == Claim.MOVE;
        passed[lane] += claim == Claim.PASS ? 1 : 0;
        return claim != Claim.WAIT;
    }

    private int before(int lane) {
        return switch (lane) {
            case READ -> VISITS;
            case UPLOAD -> passed[READ];
            case COMPUTE -> passed[unified ? READ : UPLOAD];
            case DOWNLOAD -> passed[COMPUTE];
            default -> passed[unified ? COMPUTE : DOWNLOAD];
        };
    }

    private Claim begin(int lane, int visit) {
        int block = visits[visit];
        return switch (lane) {
            case READ -> beginRead(visit, block);
            case UPLOAD -> beginUpload(visit, block);
            case COMPUTE -> beginCompute(visit, block);
            case DOWNLOAD -> beginDownload(visit, block);
            default -> beginWrite(visit, block);
        };
    }

    private void end(int lane, int visit) {
        int block = visits[visit];
        switch (lane) {
            case READ -> {
                if (homes.get(block) == Tier.DEVICE) {
                    staged[block] = onDrive[block];
                } else {
                    onHost[block] = onDrive[block];
                    headOnly[block] = heads[visit];
                }
            }
            case UPLOAD -> {
                onDevice[block] = homes.get(block) == Tier.DEVICE ? staged[block] : onHost[block];
                residency.uploaded(block);
            }
            case COMPUTE -> endCompute(visit, block);
            case DOWNLOAD -> {
                if (homes.get(block) == Tier.DEVICE) {
                    staged[block] = onDevice[block];
                } else {
                    onHost[block] = onDevice[block];
                }
                leave(visit, residency.downloaded(block));
            }
            default -> {
                onDrive[block] = homes.get(block) == Tier.DEVICE ? staged[block] : onHost[block];
                driveVersion[block] = residency.writtenVersion(block);
                assertThat(onDrive[block])
                        .as("bytes of version %d", driveVersion[block])
                        .isEqualTo(bytesOfVersion.get(1000 * driveVersion[block] + block));
                residency.written(block);
            }
        }
    }

    private Claim beginRead(int visit, int block) {
        if (drops[visit]) {
            residency.withdrawHost();
            return Claim.PASS;
        }
        Claim claim = residency.claimHost(block, random.nextLong(4), heads[visit]);
        claimedHost[visit] = claim != Claim.WAIT;
        wasRead[visit] = claim == Claim.MOVE;
        if (claim == Claim.MOVE) {
            assertThat(onDrive[block]).as("what is read").isEqualTo(newest[block]);
            assertThat(residency.version(block)).isEqualTo(driveVersion[block]);
            requireAtRest(block);
        }
        return claim;
    }

    private Claim beginUpload(int visit, int block) {
        boolean brought = wasRead[visit] && homes.get(block) == Tier.DEVICE;
        if (drops[visit] && !brought) {
            residency.withdrawDevice();
            return Claim.PASS;
        }
        Claim claim = residency.claimDevice(block, random.nextLong(4));
        claimedDevice[visit] = claim != Claim.WAIT;
        if (claim == Claim.MOVE) {
            long source = homes.get(block) == Tier.DEVICE ? staged[block] : onHost[block];
            assertThat(source).as("what is uploaded").isEqualTo(newest[block]);
            assertThat(inUse[block]).isZero();
            assertThat(isMoving(DOWNLOAD, block)).isFalse();
        }
        return claim;
    }

    private Claim beginCompute(int visit, int block) {
        if (drops[visit]) {
            later[visit] = false;
            leave(visit, residency.dropped(block, claimedHost[visit], claimedDevice[visit]));
            return Claim.PASS;
        }
        if (settledAt[block] >= passed[WRITE]) {
            return Claim.WAIT; // as the feed does: what is written from its place must not change
        }
        assertThat(unified ? onHost[block] : onDevice[block])
                .as("what is computed on")
                .isEqualTo(newest[block]);
        assertThat(headOnly[block] && !heads[visit]).as("the rest is missing").isFalse();
        assertThat(isMoving(DOWNLOAD, block)).isFalse();
        assertThat(unified && isMoving(WRITE, block)).isFalse();
        inUse[block]++;
        return Claim.MOVE;
    }

    private void endCompute(int visit, int block) {
        if (changes[visit]) {
            newest[block] = ++made;
            if (unified) {
                onHost[block] = made;
            } else {
                onDevice[block] = made;
            }
        }
        settles[visit] &= homes.get(block) != Tier.NVME;
        if (residency.isWrittenInPlace(block)) {
            settles[visit] |= residency.settles(block);
            settledAt[block] = settles[visit] ? visit : settledAt[block];
        }
        residency.folded(block, visit + 1);
        bytesOfVersion.put(1000L * (visit + 1) + block, newest[block]);
        if (!later[visit]) {
            inUse[block]--;
            leave(visit, residency.computed(block, changes[visit], settles[visit]));
        }
    }

    private Claim beginDownload(int visit, int block) {
        if (later[visit]) {
            later[visit] = false;
            inUse[block]--;
            leave(visit, residency.computed(block, changes[visit], settles[visit]));
        }
        if (!downloads[visit]) {
            return Claim.PASS;
        }
        Claim claim = residency.claimForDownload(block);
        if (claim == Claim.MOVE) {
            assertThat(onDevice[block]).as("what is downloaded").isEqualTo(newest[block]);
            requireAtRest(block);
        }
        return claim;
    }

    private Claim beginWrite(int visit, int block) {
        if (!writes[visit]) {
            return Claim.PASS;
        }
        assertThat(unified ? inUse[block] : 0).as("visits under a write").isZero();
        return Claim.MOVE;
    }

    private void leave(int visit, Leaving leaving) {
        downloads[visit] |= leaving == Leaving.DOWNLOAD;
        writes[visit] |= leaving == Leaving.WRITE;
    }

    private void requireAtRest(int block) {
        assertThat(inUse[block]).isZero();
        assertThat(isMoving(WRITE, block)).as("a write under way").isFalse();
        assertThat(isMoving(UPLOAD, block)).as("an upload under way").isFalse();
    }

    private boolean isMoving(int lane, int block) {
        return moving[lane] && visits[passed[lane]] == block;
    }

    private void requireSlots() {
        requireSlots(residency.hostSlots(), hostCuts, residency::hostSlot);
        requireSlots(residency.deviceSlots(), SlotCut.whole(deviceSizes), residency::deviceSlot);
    }

    private void requireSlots(SlotCredits credits, List<SlotCut> cuts, IntUnaryOperator slotOf) {
        List<SlotCut.Slot> slots = SlotCut.slots(cuts);
        int lent = 0;
        boolean[][] taken = new boolean[cuts.size()][];
        Arrays.setAll(taken, cut -> new boolean[Math.toIntExact(cuts.get(cut).bytes())]);
        for (int block = 0; block < homes.size(); block++) {
            int number = slotOf.applyAsInt(block);
            if (number != SlotCredits.NONE) {
                SlotCut.Slot slot = slots.get(number);
                assertThat(slot.bytes()).isGreaterThanOrEqualTo(sizes.get(block));
                for (long at = slot.offset(); at < slot.offset() + slot.bytes(); at++) {
                    int unit = Math.toIntExact(at);
                    assertThat(taken[slot.cut()][unit]).as("%s is lent twice", slot).isFalse();
                    taken[slot.cut()][unit] = true;
                }
                lent++;
            }
        }
        assertThat(credits.lentCount()).isEqualTo(lent);
    }

    /**
     * Every visit was computed or dropped, every change is where it can be found, and every slot is
     * free.
     */
    void requireAllServed() {
        assertThat(passed[COMPUTE]).isEqualTo(VISITS);
        assertThat(residency.hostSlots().lentCount()).isZero();
        assertThat(residency.deviceSlots().lentCount()).isZero();
        for (int block = 0; block < homes.size(); block++) {
            boolean behind = onDrive[block] != newest[block];
            assertThat(residency.isDirty(block)).as("block %d is dirty", block).isEqualTo(behind);
            assertThat(behind && homes.get(block) == Tier.NVME).isFalse();
        }
    }
}
