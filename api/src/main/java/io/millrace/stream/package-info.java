/**
 * Blocks of any bytes, streamed through NVMe, host memory and a device within budgets while a
 * program of yours computes on them.
 *
 * <pre>
 *   Blocks (a file, or what fills them) --&gt; BlockStream.pass(work) --&gt; an output for each block
 *                                               |     ^
 *                          changed blocks, and  v     |  the same program, started again
 *                          a journal of visits: nvmeDir
 * </pre>
 *
 * <p>A program makes passes in a loop. Where the stream has a folder, each visit's output is in a
 * journal before the block that it changed can reach the drive; so the same program, started again
 * after a kill at any instant, is given what it was given before, at once, and goes on in the
 * middle of the pass that was cut off, with blocks as they were.
 *
 * <p>What is public here is kept by semantic versioning.
 */
package io.millrace.stream;
