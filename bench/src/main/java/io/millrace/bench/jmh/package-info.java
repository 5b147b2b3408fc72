/** Kernels under JMH. */
package io.millrace.bench.jmh;
