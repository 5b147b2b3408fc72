/** Objectives: the number that a step climbs down, made of what a model says of examples. */
package io.millrace.optim.objective;
