/** Benchmarks: whole steps and runs, and comparisons with peers. */
package io.millrace.bench;
