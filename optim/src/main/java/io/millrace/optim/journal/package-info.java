/** The journal: the scalars of every step, durable before any block holds them. */
package io.millrace.optim.journal;
