/** Update rules: what the scalars of a step change in the parameters, and what is pending of it. */
package io.millrace.optim.update;
