/** Estimators: which losses a step asks for, and the scalars that it makes of the answers. */
package io.millrace.optim.estimate;
