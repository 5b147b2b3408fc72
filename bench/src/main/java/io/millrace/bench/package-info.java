/** Benchmarks: kernels under JMH, whole steps, and comparisons with peers. */
package io.millrace.bench;
