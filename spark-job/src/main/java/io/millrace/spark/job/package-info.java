/**
 * A run as a job of Spark. The driver asks for a barrier stage of as many tasks as there are
 * workers; each task is the keeper of one worker's process on its machine. Tasks meet through Spark
 * four times an attempt (who has the longest journal, the journal where it has to move, where
 * worker 0 listens, how all ended); what workers say of their steps goes between their processes,
 * see {@code link}. A task whose worker was lost fails, and so the stage: Spark begins it again,
 * perhaps elsewhere, and the workers go on from the journal.
 *
 * <p>What is here runs in JVMs of Spark, on Spark's class path and this jar alone. The only door of
 * {@code org.apache.spark}.
 */
package io.millrace.spark.job;
