/** The tasks by name. */
package io.millrace.model.text.task.known;
