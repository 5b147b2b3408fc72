/**
 * What the program holds itself to: the sample model tuned in several ways to the same bytes on a
 * user's machine, and a model's gradient against slopes of its loss.
 */
package io.millrace.cli.selftest;
