/**
 * One worker as a process of its own. Whoever starts it is its keeper: it says on the worker's
 * standard input what is to be done (a {@link io.millrace.spark.worker.WorkerOrder} and a {@link
 * io.millrace.spark.keeper.WorkerSeat}, a line each), and later perhaps {@code stop}; the end of
 * that stream means that the keeper is gone, and the worker goes with it. The worker answers on its
 * standard output:
 *
 * <pre>
 *   port 40123        where worker 0 hears the others
 *   say TEXT          a line of the command's answer
 * </pre>
 *
 * and shows progress and errors on standard error as the command does.
 */
package io.millrace.spark.worker;
