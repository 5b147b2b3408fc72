/**
 * What a run did: lanes, spans, overlap arithmetic, counters and their exporters.
 *
 * <p>The lowest floor: imports nothing of the other modules.
 */
package io.millrace.telemetry;
