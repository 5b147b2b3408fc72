/** GGUF: one file that has a model's configuration, its weights in units, and their names. */
package io.millrace.model.file.gguf;
