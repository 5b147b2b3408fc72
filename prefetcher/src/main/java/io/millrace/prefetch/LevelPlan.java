package io.millrace.prefetch;

import io.millrace.prefetch.residency.SlotCut;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * One tier: the blocks that stay in it and the slots for those that pass through.
 *
 * <p>Blocks of about one size share slots. Blocks much larger, as embeddings often are, stay, or
 * share one slot of their own size, which smaller blocks may use too; where that leaves them too
 * few slots, it is cut into several of theirs. Of the rest those that stay are spread evenly over
 * the visits, so that the lane which brings the others is never idle for long.
 *
 * @param resident blocks that stay
 * @param slots for those that pass
 * @param window visits in a row whose blocks find room at once
 */
record LevelPlan(BitSet resident, List<SlotCut> slots, int window) {
    // Models have two or three sizes of block; for odd ones a few of the sizes are tried.
    private static final int MOST_SIZES = 8;
    private static final boolean[] WITHOUT_CUTS = {false};
    private static final boolean[] WITH_CUTS = {false, true};

    static LevelPlan none(int blocks) {
        return new LevelPlan(new BitSet(blocks), List.of(), 1);
    }

    /**
     * What a tier allows.
     *
     * @param mayStay whether blocks may stay
     * @param mayCut whether a slot may hold several smaller blocks at once
     */
    record Rules(boolean mayStay, boolean mayCut) {
        static final Rules HOST = new Rules(true, true);
        static final Rules DEVICE = new Rules(true, false);
        static final Rules PASSING = new Rules(false, false);
    }

    /** The plan with the widest window up to one that is wanted; empty where nothing fits. */
    static Optional<LevelPlan> widest(
            long[] pages,
            List<Integer> visits,
            BitSet blocks,
            long budget,
            int window,
            Rules rules) {
        int[] order = visits.stream().mapToInt(Integer::intValue).filter(blocks::get).toArray();
        if (rules.mayStay && blocks.stream().mapToLong(block -> pages[block]).sum() <= budget) {
            return Optional.of(new LevelPlan(blocks, List.of(), window));
        }
        for (int width = window; width >= 1; width--) {
            for (boolean cut : rules.mayCut && width > 1 ? WITH_CUTS : WITHOUT_CUTS) {
                Search search = new Search(pages, visits, order, budget, width, rules.mayStay, cut);
                Optional<LevelPlan> plan = search.run();
                if (plan.isPresent()) {
                    return plan;
                }
            }
        }
        return Optional.empty();
    }

    /** Tries each way to cut the sizes in common and outsized ones for one window. */
    private static final class Search {
        private final long[] pages;
        private final List<Integer> visits;
        private final int[] order; // visits of the blocks that take part
        private final int[] blocks; // in order of their first visit
        private final int[] visitCount;
        private final long budget;
        private final int window;
        private final boolean mayStay;
        private final boolean cuts;
        private LevelPlan best;
        private long bestTraffic = Long.MAX_VALUE;
        private long bestBytes = Long.MAX_VALUE;

        Search(
                long[] pages,
                List<Integer> visits,
                int[] order,
                long budget,
                int window,
                boolean mayStay,
                boolean cuts) {
            this.pages = pages;
            this.visits = visits;
            this.order = order;
            this.budget = budget;
            this.window = window;
            this.mayStay = mayStay;
            this.cuts = cuts;
            blocks = Arrays.stream(order).distinct().toArray();
            visitCount = new int[pages.length];
            for (int block : order) {
                visitCount[block]++;
            }
        }

        Optional<LevelPlan> run() {
            for (long size : commonSizes()) {
                int[] common = select(block -> pages[block] <= size);
                int[] outsized = byVisits(select(block -> pages[block] > size));
                int choices = mayStay ? outsized.length : 0;
                for (int kept = 0; kept <= choices; kept++) {
                    if (kept <= MOST_SIZES || kept == choices) {
                        tryKeeping(common, outsized, kept);
                    }
                }
            }
            return Optional.ofNullable(best);
        }

        private long[] commonSizes() {
            long[] sizes = Arrays.stream(blocks).mapToLong(b -> pages[b]).distinct().toArray();
            Arrays.sort(sizes);
            if (sizes.length <= MOST_SIZES) {
                return sizes;
            }
            return IntStream.rangeClosed(1, MOST_SIZES)
                    .mapToLong(i -> sizes[i * sizes.length / MOST_SIZES - 1])
                    .toArray();
        }

        private int[] select(IntPredicate wanted) {
            return Arrays.stream(blocks).filter(wanted).toArray();
        }

        /** Blocks visited more than once first: keeping them saves the most. */
        private int[] byVisits(int[] some) {
            return Arrays.stream(some)
                    .boxed()
                    .sorted((a, b) -> Integer.compare(visitCount[b], visitCount[a]))
                    .mapToInt(Integer::intValue)
                    .toArray();
        }

        private void tryKeeping(int[] common, int[] outsized, int kept) {
            if (window > 1 && outsized.length - kept > common.length) {
                return; // most blocks would wait for one slot, whatever the window says
            }
            BitSet staying = new BitSet(pages.length);
            for (int i = 0; i < kept; i++) {
                staying.set(outsized[i]);
            }
            long sharedSlot = 0;
            for (int i = kept; i < outsized.length; i++) {
                sharedSlot = Math.max(sharedSlot, pages[outsized[i]]);
            }
            for (int count = mayStay ? mostThatFit(common, staying) : 0; count >= 0; count--) {
                BitSet resident = (BitSet) staying.clone();
                keepSpread(common, count, resident);
                List<SlotCut> slots = slots(common, resident, sharedSlot);
                if (bytes(resident, slots) <= budget) {
                    fill(common, resident, sharedSlot);
                    consider(resident, slots(common, resident, sharedSlot));
                    return;
                }
            }
        }

        /** Of so many blocks not even the smallest fit; there may be thousands. */
        private int mostThatFit(int[] common, BitSet staying) {
            long[] sizes =
                    Arrays.stream(common).mapToLong(block -> pages[block]).sorted().toArray();
            long bytes = staying.stream().mapToLong(block -> pages[block]).sum();
            int count = 0;
            while (count < sizes.length && bytes + sizes[count] <= budget) {
                bytes += sizes[count++];
            }
            return count;
        }

        private static void spread(int[] some, int count, BitSet chosen) {
            for (int i = 0; i < count; i++) {
                chosen.set(some[(int) ((2L * i + 1) * some.length / (2L * count))]);
            }
        }

        private void keepSpread(int[] common, int count, BitSet resident) {
            int[] often = Arrays.stream(common).filter(block -> visitCount[block] > 1).toArray();
            int[] once = Arrays.stream(common).filter(block -> visitCount[block] == 1).toArray();
            int first = Math.min(count, often.length);
            Arrays.stream(often).limit(first).forEach(resident::set);
            spread(once, count - first, resident);
        }

        /** Where sizes differ, a smaller block may fit where the next in the spread did not. */
        private void fill(int[] common, BitSet resident, long sharedSlot) {
            Set<Long> tooLarge = new HashSet<>();
            for (int block : mayStay ? common : new int[0]) {
                if (!resident.get(block) && !tooLarge.contains(pages[block])) {
                    resident.set(block);
                    if (bytes(resident, slots(common, resident, sharedSlot)) > budget) {
                        resident.clear(block);
                        tooLarge.add(pages[block]);
                    }
                }
            }
        }

        private List<SlotCut> slots(int[] common, BitSet resident, long sharedSlot) {
            long slotBytes = 0;
            int passing = 0;
            for (int block : common) {
                if (!resident.get(block)) {
                    slotBytes = Math.max(slotBytes, pages[block]);
                    passing++;
                }
            }
            int atLeast = Math.min(window, 2); // one is filled while the other is computed on
            int wanted = Math.max(atLeast, crowd(common, resident));
            List<SlotCut> slots = new ArrayList<>();
            if (sharedSlot > 0) {
                SlotCut shared = SlotCut.of(sharedSlot, cuts ? slotBytes : 0);
                slots.add(shared);
                wanted -= shared.room();
            }
            for (int i = 0; i < Math.min(passing, wanted); i++) {
                slots.add(new SlotCut(slotBytes, 0, 0));
            }
            return slots;
        }

        /** The most common blocks on their way within any window of visits. */
        private int crowd(int[] common, BitSet resident) {
            BitSet counted = new BitSet(pages.length);
            for (int block : common) {
                counted.set(block, !resident.get(block));
            }
            int most = 0;
            int width = Math.min(window, visits.size());
            Set<Integer> seen = new HashSet<>();
            for (int first = 0; first < visits.size() && most < width; first++) {
                seen.clear();
                for (int i = 0; i < width; i++) {
                    int block = visits.get((first + i) % visits.size());
                    if (counted.get(block)) {
                        seen.add(block);
                    }
                }
                most = Math.max(most, seen.size());
            }
            return most;
        }

        private long bytes(BitSet resident, List<SlotCut> slots) {
            return resident.stream().mapToLong(block -> pages[block]).sum()
                    + slots.stream().mapToLong(SlotCut::bytes).sum();
        }

        private void consider(BitSet resident, List<SlotCut> slots) {
            long traffic = 0;
            for (int block : order) {
                traffic += resident.get(block) ? 0 : pages[block];
            }
            long bytes = bytes(resident, slots);
            if (traffic < bestTraffic || (traffic == bestTraffic && bytes < bestBytes)) {
                best = new LevelPlan(resident, slots, window);
                bestTraffic = traffic;
                bestBytes = bytes;
            }
        }
    }
}
