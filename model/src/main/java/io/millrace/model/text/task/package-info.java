/**
 * The tasks that papers report, as text: what a row of a data set's own file asks, what answers it,
 * and how the paper samples its rows. No tokens here.
 *
 * <p>A task is a class, in {@code decoder} or {@code masked}, and a line of {@link
 * io.millrace.model.text.task.known.Tasks}. The source is MeZO (arXiv 2305.17333, appendix E) as
 * its published code runs it; for masked models that is LM-BFF (arXiv 2012.15723).
 */
package io.millrace.model.text.task;
