/** Files of tensors: safetensors, read in place and written anew. */
package io.millrace.model.file;
