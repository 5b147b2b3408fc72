/**
 * Which files of a folder are for others. It knows models and adapters, as whoever writes their
 * pages may not, and is known by the command alone.
 */
package io.millrace.model.share;
