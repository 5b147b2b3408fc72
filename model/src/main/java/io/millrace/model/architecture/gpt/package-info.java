/** Families with layer norms: those that GPT-2 began, and what came of them. */
package io.millrace.model.architecture.gpt;
