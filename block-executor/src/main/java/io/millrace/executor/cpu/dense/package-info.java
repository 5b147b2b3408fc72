/** Directions that give every element its own number: weights are formed a panel at a time. */
package io.millrace.executor.cpu.dense;
