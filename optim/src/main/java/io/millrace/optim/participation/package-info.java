/** Which of a model's layers have a part in a step. */
package io.millrace.optim.participation;
