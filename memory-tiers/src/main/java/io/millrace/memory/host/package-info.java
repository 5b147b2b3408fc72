/**
 * The host tier: page-aligned memory outside the Java heap, its owner, and views over it.
 *
 * <pre>
 *   HostMemory --allocates--&gt; HostSlab
 *    | Ledger: charged by whole pages   | HostBytes: checked Chronicle view
 *    | Pinning: mlock, or a device's    | MemorySegment: checked, fails after close
 * </pre>
 *
 * <p>Any thread may call; slabs come and go at a run's start and end. The only package that imports
 * {@code net.openhft}.
 */
package io.millrace.memory.host;
