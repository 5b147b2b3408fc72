/**
 * Where blocks lie and what brings them.
 *
 * <pre>
 *   budgets ──&gt; PlannedTiers (TierPlan) ──&gt; BlockTiers ──&gt; BlockFeed ──&gt; Forward (of an Engine)
 *                              ▲    ▲
 *      BlockOrigin (base,      │    │ RunStore, in a StoreFolder
 *      checkpoint of a run) ───┘    └ of blocks that changed
 *
 *   ModelSession (open) ──plan──&gt; PlannedModel ──start──&gt; RunningModel; the session closes them all
 * </pre>
 */
package io.millrace.executor.place;
