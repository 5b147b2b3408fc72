/**
 * Hugging Face checkpoints: safetensors files, configurations, architectures as data.
 *
 * <p>{@code spec} describes a decoder as values that an executor runs; {@code text} has tokenizers,
 * datasets and batches.
 */
package io.millrace.model;
