/**
 * What passes through a block together: sequences without padding in micro-batches, and queries in
 * groups.
 */
package io.millrace.executor.batch;
