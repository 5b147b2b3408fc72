/** Directions that give every element its own number, on a card. */
package io.millrace.executor.cuda.dense;
