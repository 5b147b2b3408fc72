package io.millrace.executor.step;

import io.millrace.model.ModelLayout;
import io.millrace.prefetch.VisitPlan;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * When updates come into the panels of a table that steps do not visit: each panel is behind a pass
 * of one step in {@link #EVERY}, in turn, so that neither a save nor a step has all of them to
 * bring up to date. Which step it is decides no bytes: each row is rounded as every step of the run
 * asks, whenever that is done.
 */
final class FoldTurns {
    /** Steps from one visit of a panel to the next: what such a table moves is divided by it. */
    static final int EVERY = 32;

    private final VisitPlan passing;
    private final List<Integer> panels;
    private final Map<Long, VisitPlan> plans = new HashMap<>(); // by the step's place in a round
    private long taken; // the last step that had its turn

    private FoldTurns(VisitPlan passing, List<Integer> panels) {
        this.passing = passing;
        this.panels = panels;
    }

    /**
     * Turns of a layout's panels.
     *
     * @param passing what every pass of a step visits
     */
    static FoldTurns of(ModelLayout layout, VisitPlan passing) {
        boolean later = layout.panels().later();
        return new FoldTurns(passing, later ? layout.panels().embedding() : List.of());
    }

    /** What a pass of a step visits, the first of them with the panels whose turn it is. */
    VisitPlan take(long step) {
        if (panels.isEmpty() || step == taken) {
            return passing;
        }
        taken = step;
        return plans.computeIfAbsent(step % EVERY, this::plan);
    }

    /** What is expected behind a pass. */
    VisitPlan usual(VisitPlan plan) {
        return plans.containsValue(plan) ? passing : plan;
    }

    private VisitPlan plan(long at) {
        List<VisitPlan.Entry> entries = new ArrayList<>();
        for (int place = 0; place < passing.size(); place++) {
            entries.add(passing.entry(place));
        }
        for (int index = 0; index < panels.size(); index++) {
            if ((long) index * EVERY / panels.size() % EVERY == at) {
                entries.add(new VisitPlan.Entry(panels.get(index), VisitPlan.Part.FOLD, 0));
            }
        }
        return entries.size() == passing.size() ? passing : new VisitPlan(entries);
    }
}
