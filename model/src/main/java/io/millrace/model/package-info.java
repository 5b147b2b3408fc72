/**
 * Hugging Face checkpoints: files of weights, configurations, architectures as data.
 *
 * <pre>
 * config.json  → ModelConfig → Architecture → ModelProgram → ModelLayout (blocks, visits, ids)
 * *.safetensors → SafetensorsFile ─┐
 * *.bin         → TorchFile ───────┴→ WeightFiles → Checkpoint → blocks → CheckpointWriter
 * </pre>
 *
 * <p>Whatever a file claims is checked before it is used, and refused with a {@link
 * io.millrace.memory.BadInputException}. Reading is safe from any thread; a writer belongs to one.
 *
 * <p>{@code program} describes a model as operators that an executor runs; {@code text} has
 * tokenizers, datasets and batches; {@code hub} finds models by the names that they have on a hub.
 */
package io.millrace.model;
