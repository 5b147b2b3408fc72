/**
 * First-order rules by name, each with the step that it takes on a tensor.
 *
 * <pre>
 * Sgd, Lomo, AdamW, AdamW8bit, Adagrad, Lion   every element by itself
 * Adafactor, AdaLomo                           second moments by row and column, whole rows a tile
 * GaLore, NaturalGaLore                        along singular vectors, after a look at the whole
 * </pre>
 *
 * <p>Numbers of a step are worked out in double and rounded once; elements are float32, in loops
 * without branches. θ changes by one addition, of the sum of what decay and the step make of it.
 */
package io.millrace.optim.gradient.rule;
