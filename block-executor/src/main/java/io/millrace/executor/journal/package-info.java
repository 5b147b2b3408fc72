/**
 * What a journal gives back without data and without forwards: the model after any step, and the
 * story of the run.
 */
package io.millrace.executor.journal;
