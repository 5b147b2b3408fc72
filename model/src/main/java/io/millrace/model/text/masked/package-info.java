/** Texts with one token left open, as masked language models are asked. */
package io.millrace.model.text.masked;
