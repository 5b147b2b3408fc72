package io.millrace.executor.schedule;

import io.millrace.model.program.Value;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Where the values of blocks lie in memory that all blocks share: each from the stage that makes it
 * to the last that reads it, and two that live at once never in one place.
 */
public final class StatesPlan {
    private final List<Map<Value, Long>> offsets;
    private final long length;

    private StatesPlan(List<Map<Value, Long>> offsets, long length) {
        this.offsets = offsets;
        this.length = length;
    }

    /** How much memory a value takes. */
    @FunctionalInterface
    public interface Size {
        /** The length of a value of a block, in any unit. */
        long of(int block, Value value);
    }

    /**
     * The plan for blocks, none of whose values outlives its block.
     *
     * @param blocks in the order in which they are numbered
     * @param size lengths of values
     */
    public static StatesPlan of(List<Schedule> blocks, Size size) {
        List<Map<Value, Long>> offsets = new ArrayList<>();
        long length = 0;
        for (int block = 0; block < blocks.size(); block++) {
            int number = block;
            List<Region> regions = regions(blocks.get(block), value -> size.of(number, value));
            Map<Value, Long> of = new HashMap<>();
            for (Region region : place(regions)) {
                region.values.forEach(value -> of.put(value, region.offset));
                length = Math.max(length, region.offset + region.size);
            }
            offsets.add(of);
        }
        return new StatesPlan(offsets, length);
    }

    /** The length of all, in the unit of the sizes. */
    public long length() {
        return length;
    }

    /** Where a block's value begins. */
    public long offset(int block, Value value) {
        return offsets.get(block).get(value);
    }

    /** Values in one place, each taking that of the last. */
    private static final class Region {
        private final List<Value> values = new ArrayList<>();
        private final int from; // the stage that makes the first
        private final long size;
        private int to; // the stage that reads the last
        private long offset;

        Region(int from, long size) {
            this.from = from;
            this.size = size;
            to = from;
        }

        void add(Value value, int lastRead) {
            values.add(value);
            to = Math.max(to, lastRead);
        }
    }

    private interface Length {
        long of(Value value);
    }

    private static List<Region> regions(Schedule block, Length length) {
        Map<Value, Integer> lastRead = new HashMap<>();
        List<Stage> stages = block.stages();
        for (int at = 0; at < stages.size(); at++) {
            for (Value value : stages.get(at).reads()) {
                lastRead.put(value, at);
            }
        }
        List<Region> regions = new ArrayList<>();
        Map<Value, Region> regionOf = new HashMap<>();
        for (int at = 0; at < stages.size(); at++) {
            Stage stage = stages.get(at);
            int now = at;
            stage.op()
                    .passing()
                    .forEach(value -> {
                        Region passing = new Region(now, length.of(value));
                        passing.add(value, now);
                        regions.add(passing);
                    });
            Optional<Value> made = stage.makes().filter(StatesPlan::isState);
            if (made.isEmpty()) {
                continue;
            }
            Value value = made.get();
            long size = length.of(value);
            Region region =
                    stage.replaces()
                            .or(() -> stage.mayReplace().filter(old -> lastRead.get(old) == now))
                            .map(regionOf::get)
                            .filter(old -> old.size == size)
                            .orElse(null);
            if (region == null) {
                region = new Region(at, size);
                regions.add(region);
            }
            region.add(value, lastRead.getOrDefault(value, at));
            regionOf.put(value, region);
        }
        return regions;
    }

    private static boolean isState(Value value) {
        return value.memory() == Value.Memory.STATES;
    }

    /**
     * Each in the lowest place that is free while it lives, in the order in which they are made.
     */
    private static List<Region> place(List<Region> regions) {
        List<Region> placed = new ArrayList<>();
        for (Region region : regions) {
            List<Region> beside =
                    placed.stream()
                            .filter(other -> other.to >= region.from)
                            .sorted(Comparator.comparingLong(other -> other.offset))
                            .toList();
            long at = 0;
            for (Region other : beside) {
                if (at + region.size <= other.offset) {
                    break;
                }
                at = Math.max(at, other.offset + other.size);
            }
            region.offset = at;
            placed.add(region);
        }
        return placed;
    }
}
