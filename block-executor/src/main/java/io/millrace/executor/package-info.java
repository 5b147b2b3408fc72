/**
 * The doors: one class a command. Rooms below, each of which sees only those under it:
 *
 * <pre>
 *   executor   tune, forward, generate, evaluate
 *   find       eps and lr
 *   search     directions by chance
 *   run        a run's life: folder, header, history, saves
 *   plan       forecasts, without a run
 *   journal    what a journal gives back: replay, report
 *   place      where blocks lie: budgets, tiers, store, session
 *   cpu, cuda  the step on workers of a CPU, the step on a card; they never see each other
 *   objective  the number that a step climbs down, made of a model's answers
 *   step       what happens to a block in a step, on any device
 *   config     what a run is told
 * </pre>
 */
package io.millrace.executor;
