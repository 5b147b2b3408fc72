/**
 * A block's weights on the card as a query sees them, the products that read them, how its
 * operators become launches, and scratch memory.
 */
package io.millrace.executor.cuda.weight;
