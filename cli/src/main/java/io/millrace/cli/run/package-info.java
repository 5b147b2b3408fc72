/** How runs are shown while they go on, and what is said of them in the end. */
package io.millrace.cli.run;
