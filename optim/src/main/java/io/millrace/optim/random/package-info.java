/** Numbers out of counters: z streams, seeds and orders, the same on every machine and device. */
package io.millrace.optim.random;
