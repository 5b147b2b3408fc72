package io.millrace.telemetry.report;

import java.util.Optional;

/** Says which budget would hide what a run waits for. */
@FunctionalInterface
public interface BudgetAdvisor {
    /** The budget, or nothing where none would help or none can be told. */
    Optional<Advice> advise(Profile profile);

    /**
     * A budget that would hide a wait.
     *
     * @param tier whose budget, such as {@code host}
     * @param bytes the budget, as an estimate
     * @param holdsAll whether every block would then stay there
     */
    record Advice(String tier, long bytes, boolean holdsAll) {}
}
