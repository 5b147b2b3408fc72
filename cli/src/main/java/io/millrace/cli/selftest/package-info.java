/** What works on a user's machine: the sample model tuned in several ways to the same bytes. */
package io.millrace.cli.selftest;
