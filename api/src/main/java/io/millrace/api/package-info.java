/**
 * Models from a program: plan, tune, evaluate, generate, read a journal.
 *
 * <pre>
 *   Model.open(folder or owner/name) --&gt; plan, tune, evaluate, generate (ModelOptions) --&gt; records
 *   RunJournal.read(file)
 * </pre>
 *
 * <p>Options have the names of the command line, without dashes, and mean the same; so do errors: a
 * {@link io.millrace.memory.BadInputException} says in one line what a person can mend, and has
 * harmed nothing.
 *
 * <p>What is public here is kept by semantic versioning.
 */
package io.millrace.api;
