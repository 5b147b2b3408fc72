/**
 * Devices that compute, behind one contract: memory, streams, events.
 *
 * <pre>
 *   upload   --copyH2D--record(a)--------------------------
 *   compute  --await(a)--run--record(b)--------------------
 *   offload  ---------------------await(b)--copyD2H--------
 * </pre>
 *
 * <p>{@code cpu} works where the bytes lie and on the caller's thread; {@code emulated} has memory
 * and a thread for each stream of its own; {@code cuda:N} is an NVIDIA card.
 */
package io.millrace.memory.device;
