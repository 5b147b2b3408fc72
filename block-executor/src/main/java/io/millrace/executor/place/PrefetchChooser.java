package io.millrace.executor.place;

/** Chooses how far ahead blocks are read, where budgets are the run's own choice. */
@FunctionalInterface
public interface PrefetchChooser {
    /** Blocks ahead, for what has to be placed and what it may take. */
    int prefetch(TierPlan.Needs needs, TierPlan.Budgets budgets);
}
