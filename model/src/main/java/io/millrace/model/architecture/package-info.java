/**
 * What a family of models is to the rest of the program: a function from a configuration to a
 * program. Those of this jar are listed in {@code known}; nothing outside knows how they are made.
 *
 * <pre>
 *   known (the registry, and named models) ──&gt; llama, gpt, encoder (a file a family) ──&gt; decoder (what they share)
 * </pre>
 */
package io.millrace.model.architecture;
