/**
 * JSON as values: plain maps, lists, strings, numbers and booleans, read and written through
 * Jackson's streaming core.
 */
package io.millrace.telemetry.json;
