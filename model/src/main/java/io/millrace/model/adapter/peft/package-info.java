/**
 * PEFT's LoRA folders read in: what of {@code adapter_config.json} is honoured and what refused,
 * factors held against an open base, and their merge into a model folder.
 */
package io.millrace.model.adapter.peft;
