/** Tasks of models that go on with a text, as MeZO (arXiv 2305.17333) runs them. */
package io.millrace.model.text.task.decoder;
