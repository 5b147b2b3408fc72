/** How data is read: lengths, labels, rows, and what a model answers. */
package io.millrace.model.text.option;
