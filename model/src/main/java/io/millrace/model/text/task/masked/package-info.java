/** Tasks of masked language models, as MeZO (arXiv 2305.17333) runs them on LM-BFF's data. */
package io.millrace.model.text.task.masked;
