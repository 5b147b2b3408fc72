/**
 * Where blocks lie and what brings them.
 *
 * <pre>
 *   budgets ──&gt; TierPlan ──&gt; BlockTiers ──&gt; BlockFeed ──&gt; Engine (of Engines, by kind of device)
 *                              ▲    ▲
 *      BlockOrigin (base,      │    │ RunStore, in a StoreFolder
 *      checkpoint of a run) ───┘    └ of blocks that changed
 *
 *   ModelSession owns all of it, for one checkpoint
 * </pre>
 */
package io.millrace.executor.place;
