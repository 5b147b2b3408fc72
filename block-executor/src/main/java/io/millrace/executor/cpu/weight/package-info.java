/**
 * A block's weights as a query sees them, and the products that read them: what every form of a
 * direction implements.
 */
package io.millrace.executor.cpu.weight;
