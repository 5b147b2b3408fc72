/** Which elements of the trained tensors a dense direction reaches. */
package io.millrace.optim.mask;
