/**
 * How workers of one host pass slices of blocks on to each other, so that a drive that they share
 * is read once for all of them.
 *
 * <pre>
 *   drive --&gt; one worker reads a slice --&gt; its place in the ring --&gt; every worker copies it out
 *                                             page-aligned, in memory that all have mapped
 * </pre>
 *
 * A {@link io.millrace.memory.slice.SliceExchange} is one worker's end of it. {@link
 * io.millrace.memory.slice.SliceRing} is the one over shared memory; between cards, a broadcast of
 * NCCL could stand behind the same calls, which is neither built nor run. Nobody depends on another
 * here: what a worker does not get from others in time it reads itself, and who is lost is found
 * out where workers speak.
 *
 * <p>Threads: a worker's reader alone joins, claims and releases; attending and leaving may be said
 * from any thread. Nothing is locked: a place is one word, changed by comparing and setting.
 * Imports nothing of the tiers.
 */
package io.millrace.memory.slice;
