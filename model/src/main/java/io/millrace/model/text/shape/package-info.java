/** What rows ask, as text: templates, and the shapes of questions with candidates. */
package io.millrace.model.text.shape;
