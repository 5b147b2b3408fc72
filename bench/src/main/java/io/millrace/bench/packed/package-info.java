/** Quantised weights: how fast they become numbers. */
package io.millrace.bench.packed;
