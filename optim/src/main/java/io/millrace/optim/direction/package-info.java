/** Directions: pure functions of (seed, tensor, element). */
package io.millrace.optim.direction;
