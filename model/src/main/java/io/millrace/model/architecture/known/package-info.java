/**
 * The architectures there are, and published models by their names. A new family is a file in one
 * of the packages beside this one, and a line in {@code Architectures}.
 */
package io.millrace.model.architecture.known;
