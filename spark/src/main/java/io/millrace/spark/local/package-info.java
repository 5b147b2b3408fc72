/**
 * Several workers on this machine, without a cluster: {@code millrace tune --workers}. The
 * command's own process starts them, shows what worker 0 says, and starts all of them again behind
 * one that was lost.
 */
package io.millrace.spark.local;
