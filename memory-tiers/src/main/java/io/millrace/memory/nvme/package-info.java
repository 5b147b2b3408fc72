/**
 * The NVMe tier: the block store, the reader of the user's own files, and the drive beneath them.
 *
 * <pre>
 *   LayeredSource --&gt; BlockStore -----&gt; blocks.dat, manifest.dat     versions, slots, checksums
 *        \--&gt; OriginalReader --&gt; *.safetensors                       unaligned, never written
 *                       |
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
package io.millrace.memory.nvme;
