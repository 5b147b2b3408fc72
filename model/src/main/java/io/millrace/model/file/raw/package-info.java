/**
 * A file that is read from any place in it, whatever its format; imports nothing of the formats.
 */
package io.millrace.model.file.raw;
