/**
 * The NVMe tier: the block store, the reader of the user's own files, and the drive beneath them.
 *
 * <pre>
 *   LayeredSource --&gt; BlockStore -----&gt; blocks.dat, manifest.dat     versions, slots, checksums
 *        \--&gt; OriginalReader --&gt; *.safetensors                       unaligned, never written
 *                       |
 *                    nvme.io
 * </pre>
 *
 * <p>Where workers of one host read slices for each other, a {@link
 * io.millrace.memory.nvme.SlicedStore} and {@link io.millrace.memory.nvme.SlicedOriginals} stand in
 * the place of the two: pieces come to a ring of {@code memory.slice} that all have mapped, whoever
 * read them, and blocks are put together from there and verified as ever.
 */
package io.millrace.memory.nvme;
