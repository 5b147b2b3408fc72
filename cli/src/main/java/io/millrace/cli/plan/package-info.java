/** Plans of runs, as people and programs read them. */
package io.millrace.cli.plan;
