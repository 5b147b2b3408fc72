/**
 * Proposes a learning rate and an ε from short rehearsals of a run: forwards only, each from the
 * base weights, all in a folder that the caller throws away.
 */
package io.millrace.executor.find;
