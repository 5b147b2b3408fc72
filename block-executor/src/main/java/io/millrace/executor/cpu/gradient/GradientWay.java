package io.millrace.executor.cpu.gradient;

import io.millrace.model.ModelLayout;
import io.millrace.prefetch.VisitPlan;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * The visits of a step along the gradient: up to the head, and back to the lowest part of the model
 * that the step changes. Immutable.
 *
 * <pre>
 * there   embedding, layer 0, its experts, … layer n, its experts,  head
 * back                                     layer n, its experts, layer n, … layer 0, embedding
 * </pre>
 *
 * <p>A layer with experts comes twice on the way back: once more as on the way there, for what its
 * experts were given of the whole batch, and behind them for its own gradient, which needs theirs.
 */
final class GradientWay {
    private final List<Stop> stops;
    private final VisitPlan plan;
    private final int turn;

    /** What a visit is for. */
    enum Purpose {
        /** Forward. */
        THERE,
        /** The head: losses, and back from them. */
        TURN,
        /** Forward once more, for what a layer gives its experts. */
        AGAIN,
        /** Back. */
        BACK
    }

    /**
     * One visit.
     *
     * @param entry what of the model it is
     * @param place of its block, or of that of its layer, in the program
     */
    record Stop(VisitPlan.Entry entry, int place, Purpose purpose) {
        int block() {
            return entry.block();
        }

        /** Whether it is to an expert. */
        boolean isExpert() {
            return entry.part() == VisitPlan.Part.EXPERT;
        }
    }

    /**
     * The visits to a model's blocks.
     *
     * @param lowest place of the lowest part that is changed
     */
    GradientWay(ModelLayout layout, int lowest) {
        if (!layout.panels().embedding().isEmpty() || !layout.panels().head().isEmpty()) {
            // What a row of a tied table gets of both ends is added up in one block.
            throw new IllegalArgumentException("a vocabulary in panels has no way back");
        }
        List<Stop> all = new ArrayList<>();
        VisitPlan whole = VisitPlan.whole(layout.visits());
        turn = whole.size() - 1;
        for (int place = 0; place < turn; place++) {
            VisitPlan.Entry entry = whole.entry(place);
            all.add(new Stop(entry, place, Purpose.THERE));
            all.addAll(experts(layout, entry, place, Purpose.THERE));
        }
        all.add(new Stop(whole.entry(turn), turn, Purpose.TURN));
        for (int place = turn - 1; place >= lowest; place--) {
            VisitPlan.Entry entry = whole.entry(place);
            List<Stop> experts = experts(layout, entry, place, Purpose.BACK);
            if (!experts.isEmpty()) {
                all.add(new Stop(entry, place, Purpose.AGAIN));
                all.addAll(experts);
            }
            all.add(new Stop(entry, place, Purpose.BACK));
        }
        stops = List.copyOf(all);
        plan =
                new VisitPlan(stops.stream().map(Stop::entry).toList())
                        .withHeads(place -> needsWeightsAlone(stops.get(place).purpose()));
    }

    private static boolean needsWeightsAlone(Purpose purpose) {
        return purpose == Purpose.THERE || purpose == Purpose.AGAIN;
    }

    private static List<Stop> experts(
            ModelLayout layout, VisitPlan.Entry layer, int place, Purpose purpose) {
        if (layer.part() != VisitPlan.Part.LAYER) {
            return List.of();
        }
        List<Integer> blocks = layout.experts().get(layer.layer());
        List<Stop> experts = new ArrayList<>();
        for (int expert = 0; expert < blocks.size(); expert++) {
            VisitPlan.Entry entry =
                    new VisitPlan.Entry(
                            blocks.get(expert), VisitPlan.Part.EXPERT, layer.layer(), expert, true);
            experts.add(new Stop(entry, place, purpose));
        }
        return experts;
    }

    /** The visits in order. */
    List<Stop> stops() {
        return stops;
    }

    /** The same for who brings the blocks. */
    VisitPlan plan() {
        return plan;
    }

    /** The head's place in the program. */
    int head() {
        return turn;
    }

    /** The blocks of the experts behind a visit that were chosen. */
    BitSet chosenBlocks(int at, BitSet chosen) {
        BitSet blocks = new BitSet();
        for (int next = at + 1; next < plan.size() && plan.entry(next).optional(); next++) {
            blocks.set(plan.block(next), chosen.get(plan.entry(next).expert()));
        }
        return blocks;
    }
}
