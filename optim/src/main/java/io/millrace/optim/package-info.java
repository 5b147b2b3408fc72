/**
 * The arithmetic of a zeroth-order step: z streams, estimators, update rules, schedules and the
 * journal. No I/O but the journal's file, no threads.
 *
 * <p>A <em>direction</em> is a pure function of (seed, tensor, element); an <em>estimator</em> says
 * which losses are asked for; an <em>update rule</em> turns scalars into a change of the
 * parameters. The three compose; an <em>objective</em> is what the losses of a step are.
 *
 * <pre>
 *   journal ──&gt; update ──&gt; direction ──&gt; random
 *      └──────────┴──&gt; estimate         schedule   objective
 * </pre>
 */
package io.millrace.optim;
