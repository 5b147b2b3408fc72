/**
 * Update rules by name: those of losses, from {@code update}, and those of the gradient, from
 * {@code gradient.rule}.
 */
package io.millrace.optim.optimizer;
