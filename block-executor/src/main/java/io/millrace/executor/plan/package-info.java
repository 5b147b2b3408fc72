/**
 * What steps will cost and what fits, before anything is allocated.
 *
 * <pre>
 *   StepCosts (DenseCosts, LowRankCosts: a block's work) ─┐
 *   TierPlan (where blocks would lie) ────────────────────┼─&gt; PlanCandidates ──&gt; PlanSweep ──&gt; ModelPlan
 *   Machine (what the probe measured) ────────────────────┘         └─&gt; RunForecast, for a run itself
 * </pre>
 */
package io.millrace.executor.plan;
