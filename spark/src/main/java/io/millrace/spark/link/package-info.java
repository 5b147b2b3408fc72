/**
 * How the workers of a run speak to each other over a network. Worker 0 is the host: it has a table
 * with a seat for every other worker (a guest), hears what all say of one topic, and tells it to
 * each in order of ranks.
 *
 * <pre>
 *   guest 1 ── Words ──▶┐              ┌── Answer ──▶ guest 1
 *   guest 2 ── Words ──▶│ MeetingTable │── Answer ──▶ guest 2
 *   worker 0 ───────────┘              └─────────────▶ worker 0
 * </pre>
 *
 * One stream of frames a guest, over gRPC, kept open for the whole run. Nothing is read of whoever
 * lacks the job's token. Both ends send a pulse while they compute: silence means that the other is
 * gone, hangs, or that the link is cut. Frames are handled on threads of gRPC, which only book
 * them; a run's thread waits for them. The only door of {@code io.grpc}.
 */
package io.millrace.spark.link;
