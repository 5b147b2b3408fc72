package io.millrace.model.adapter.peft;

import io.millrace.model.adapter.LoraPart;
import io.millrace.model.file.TensorInfo;

/**
 * The LoRA beside one module as a file has it: the module's weight becomes W + scale · B A.
 *
 * @param part the module, its matrix, and the rank
 * @param scale α / r, or α / √r
 * @param first A, [rank, inputs]
 * @param second B, [outputs, rank]
 */
public record AdapterPart(LoraPart part, double scale, TensorInfo first, TensorInfo second) {}
