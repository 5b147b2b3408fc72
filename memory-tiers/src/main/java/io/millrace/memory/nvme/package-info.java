/**
 * The NVMe tier: the block store, the reader of the user's own files, and the drive beneath them.
 *
 * <pre>
 *   LayeredSource --&gt; BlockStore -----&gt; blocks.dat, manifest.dat     versions, slots, checksums
 *        \--&gt; OriginalReader --&gt; *.safetensors                       unaligned, never written
 *                       |
 *                    nvme.io
 * </pre>
 */
package io.millrace.memory.nvme;
