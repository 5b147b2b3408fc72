/**
 * Who keeps a worker's process: starts it, tells it what to do, hears what it says, and ends it.
 * Needs the JDK alone, of version 17: a keeper may live in a JVM of Spark, whose libraries a worker
 * does not meet, or in the command's own.
 */
package io.millrace.spark.keeper;
