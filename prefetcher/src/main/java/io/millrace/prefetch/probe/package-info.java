/**
 * What a machine's drive, memory and links do, measured through the code that runs use, and what a
 * run would miss on it.
 *
 * <p>Imports memory tiers and the planner's vocabulary. Measures for some seconds each, on the
 * calling thread and a few of its own; writes only below the folder that it is given.
 */
package io.millrace.prefetch.probe;
