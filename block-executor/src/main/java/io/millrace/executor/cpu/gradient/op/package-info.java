/**
 * The way back through the operators of {@link io.millrace.executor.cpu.op}: from the gradient of
 * what one gave to the gradients of what it took.
 *
 * <pre>
 *   forward                     way back
 *   Norms                       NormGradient       adds to or writes the rows' gradients, adds to the factors'
 *   Activations, GatedUnit      ActivationGradient in place, or of gates and of what they gate
 *   Attention                   AttentionGradient  one sequence and one key head a call
 *   Rotary                      Rotary.applyGradient, the same turn the other way
 *   Loss                        LossGradient       logits become their gradients
 *   a bias, Rows.gather         ColumnSums, RowScatter
 * </pre>
 *
 * <p>What a gradient needs of the forward, such as statistics and softmax weights, is computed anew
 * from the inputs. As there, memory is float32 and off-heap, offsets and strides count floats, a
 * call works on the calling thread and allocates nothing, and a result depends on shapes and inputs
 * alone. Each kernel says whether it writes a gradient or adds to what is there.
 */
package io.millrace.executor.cpu.gradient.op;
