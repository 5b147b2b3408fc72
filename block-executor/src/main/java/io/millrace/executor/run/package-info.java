/**
 * A run's life.
 *
 * <pre>
 *   RunSetup: everything that can refuse ──&gt; RunFolder (lock) ──&gt; RunHistory (RunHeader, journal, MetricsWriter)
 *       each step ──&gt; RunHistory.add ──&gt; RunSaves (RunCheckpoints by CheckpointCadence)
 *       the end ──&gt; RunSaves, KeptModel (BestStep) ──&gt; FinishedRun
 *       a kill ──&gt; Leftovers, which the next run or Cleaning takes away
 * </pre>
 */
package io.millrace.executor.run;
