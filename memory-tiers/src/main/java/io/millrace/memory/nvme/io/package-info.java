/**
 * The drive: reads, writes and syncs of files past the page cache.
 *
 * <pre>
 *            Transfer: pieces, several in flight, short ones continued, passing faults retried
 *                       |
 *            FileIo / IoFile  (FaultyFileIo wraps any)
 *                       |
 *            io_uring, one thread   or   pread and pwrite, a few threads
 * </pre>
 *
 * <p>Completions run on the drive's threads and only book results; checksums and copies run on the
 * thread that awaits a block. The only package that imports {@code io.netty}.
 */
package io.millrace.memory.nvme.io;
