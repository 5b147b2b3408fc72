/** Writes a model with its layers' matrices in fewer bits, in forms that other programs read. */
package io.millrace.model.quantize;
