/**
 * How fast this machine computes, measured with the operators, tiles and passes that runs use.
 *
 * <p>Imports operators, optim, and the planner's vocabulary; nothing here is part of a run.
 */
package io.millrace.executor.probe;
