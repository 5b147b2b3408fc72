/**
 * PEFT's adapters: which modules a LoRA may stand beside, the files of a folder, and products of
 * thin factors cut down to a rank.
 */
package io.millrace.model.adapter;
