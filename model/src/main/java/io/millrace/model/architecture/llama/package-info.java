/** Families that vary LLaMA: RMS norms, rotary positions, a gated feed-forward part. */
package io.millrace.model.architecture.llama;
