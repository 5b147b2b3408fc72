/** Learning rates by step. */
package io.millrace.optim.schedule;
