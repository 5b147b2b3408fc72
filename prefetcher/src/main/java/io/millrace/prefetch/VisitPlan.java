package io.millrace.prefetch;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * The visits of one pass in order: a pass may leave blocks out, come to one again, or go backwards.
 * Immutable.
 */
public final class VisitPlan {
    private final List<Entry> entries;
    private final BitSet last; // the places that are a block's last
    private final BitSet heads; // the places for which the beginning of a block is enough

    /** What a visit runs of the model. */
    public enum Part {
        /** Rows of the table of ids that the embedding's own block does not have. */
        LOOKUP,
        /** The embedding. */
        EMBEDDING,
        /** One layer. */
        LAYER,
        /** One expert of the layer before. */
        EXPERT,
        /** The head. */
        HEAD,
        /** Rows of the matrix of logits that the head's own block does not have. */
        SCORE,
        /** Nothing: updates come into a block that no step computes with. */
        FOLD;

        /** Whether it makes answers of the stream. */
        public boolean answers() {
            return this == HEAD || this == SCORE;
        }
    }

    /**
     * One visit.
     *
     * @param block index of the block that has to come
     * @param part what of the model it is
     * @param layer which layer, from 0; 0 of the ends
     * @param expert which of its experts, from 0; 0 of all else
     * @param optional whether the pass decides as it comes near whether it needs the visit
     */
    public record Entry(int block, Part part, int layer, int expert, boolean optional) {
        /** Checks the numbers. */
        public Entry {
            if (block < 0 || layer < 0 || expert < 0) {
                throw new IllegalArgumentException("block " + block + " as layer " + layer);
            }
        }

        /** A visit that comes in any case, to no expert. */
        public Entry(int block, Part part, int layer) {
            this(block, part, layer, 0, false);
        }
    }

    /**
     * A pass of these visits.
     *
     * @param entries at least one
     */
    public VisitPlan(List<Entry> entries) {
        this(entries, new BitSet());
    }

    private VisitPlan(List<Entry> entries, BitSet heads) {
        this.heads = heads;
        this.entries = List.copyOf(entries);
        if (entries.isEmpty()) {
            throw new IllegalArgumentException("a pass without visits");
        }
        last = new BitSet(entries.size());
        BitSet seen = new BitSet();
        for (int place = entries.size() - 1; place >= 0; place--) {
            last.set(place, !seen.get(block(place)));
            seen.set(block(place));
        }
    }

    /**
     * A whole pass: the first visit embeds, the last is to the head, each between runs one layer.
     *
     * @param blocks of the visits in order
     */
    public static VisitPlan whole(List<Integer> blocks) {
        List<Entry> entries = new ArrayList<>();
        for (int block : blocks) {
            int layer = entries.size() - 1;
            Part part = layer < 0 ? Part.EMBEDDING : Part.LAYER;
            if (layer >= 0 && layer == blocks.size() - 2) {
                part = Part.HEAD;
            }
            entries.add(new Entry(block, part, part == Part.LAYER ? layer : 0));
        }
        return new VisitPlan(entries);
    }

    /**
     * The same visits, of which some need the beginnings of their blocks alone: the weights, and
     * not the states behind them. Such a visit changes nothing.
     *
     * @param enough whether that is so of the visit at a place
     */
    public VisitPlan withHeads(IntPredicate enough) {
        BitSet some = new BitSet(entries.size());
        IntStream.range(0, entries.size()).filter(enough).forEach(some::set);
        return new VisitPlan(entries, some);
    }

    /** Whether the beginning of its block is enough for a visit. */
    public boolean isHeadEnough(int place) {
        return heads.get(place);
    }

    /** How many visits there are. */
    public int size() {
        return entries.size();
    }

    /** One visit. */
    public Entry entry(int place) {
        return entries.get(place);
    }

    /** The block of a visit. */
    public int block(int place) {
        return entries.get(place).block();
    }

    /** Whether it is decided behind a visit which of the next come. */
    public boolean forks(int place) {
        return !entry(place).optional() && place + 1 < size() && entry(place + 1).optional();
    }

    /** Whether no later visit of the pass is to the same block. */
    public boolean isLast(int place) {
        return last.get(place);
    }

    /** What is some visits behind one, in this pass or over its end in others of a plan. */
    Entry entryBehind(int place, int visits, VisitPlan next) {
        int at = place + visits;
        return at < size() ? entry(at) : next.entry((at - size()) % next.size());
    }

    @Override
    public String toString() {
        return "visits to blocks " + entries.stream().map(Entry::block).toList();
    }
}
