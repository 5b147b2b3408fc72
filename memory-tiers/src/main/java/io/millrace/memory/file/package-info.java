/**
 * Files that a crash or a loss of power leaves whole, and locks on folders. Journals, checkpoints
 * and saved models are written through {@link io.millrace.memory.file.Disk}, where tests cut the
 * power between any two operations or fill the disk. The block store has a seam of its own, {@link
 * io.millrace.memory.nvme.io.FileIo}, for its bytes do not go through the page cache.
 */
package io.millrace.memory.file;
