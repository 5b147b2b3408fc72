/** Where the command finds the module for several workers, which it does without otherwise. */
package io.millrace.cli.workers;
