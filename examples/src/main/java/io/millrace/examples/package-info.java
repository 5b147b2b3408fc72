/**
 * Programs that use Millrace as a library, each whole in its file: to be read, copied and changed.
 * {@code docs/java.md} shows parts of them, and the build runs them.
 */
package io.millrace.examples;
