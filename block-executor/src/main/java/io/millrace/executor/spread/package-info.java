/**
 * One run on several workers. Each has the whole model, takes a share of every pass of a step, and
 * tells the others the losses that it found; all put them together in the order in which one worker
 * would have found them, and fold the same update.
 *
 * <pre>
 *   SpreadForward   a pass of a step: Shares cuts it, the own Share is taken through the own forward,
 *                   CellSink keeps what the head says, Workers gathers, and the asker's sink hears all
 *   Workers         what is said beside losses: whether the last step was the same everywhere, and
 *                   what worker 0 wishes to come next
 *   Meetings        before the first step: the same program, model, data and options, and one journal
 * </pre>
 *
 * Threads: all of a worker's calls come from its run's thread. Imports step, batch, config and
 * peer; what objectives make of losses it does not know.
 */
package io.millrace.executor.spread;
