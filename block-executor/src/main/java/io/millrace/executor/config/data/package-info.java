/**
 * Values of options that stand for themselves: how rows are taken, which task and rows of a paper,
 * how long a run goes on, what it keeps, who follows it.
 */
package io.millrace.executor.config.data;
