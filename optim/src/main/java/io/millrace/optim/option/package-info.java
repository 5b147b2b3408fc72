/**
 * Options that describe themselves once: name, type, default, limits, help, and whether they decide
 * the bytes of a run. Command line, recipe, {@code run.json}, journal and resume check are made
 * from the description. A {@link io.millrace.optim.option.Kind} of method brings the options that
 * are its own.
 */
package io.millrace.optim.option;
