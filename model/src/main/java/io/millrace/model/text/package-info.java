/**
 * Text on its way to the executor: tokenizers, datasets, batches.
 *
 * <pre>
 *   file --data.DatasetReader--> Dataset of Examples --BatchSampler(step)--> Batch (packed rows)
 *                 |
 *             Tokenizer (the only door to the native tokenizer library)
 * </pre>
 *
 * <p>Labels are aligned with ids: {@code labels[i]} is what position {@code i - 1} should predict,
 * {@link io.millrace.model.text.Example#NOT_SCORED} where nothing is scored. Values here are
 * immutable; the arrays inside them are shared, not copied, and nobody writes to them.
 */
package io.millrace.model.text;
