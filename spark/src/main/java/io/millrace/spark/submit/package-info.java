/**
 * {@code millrace tune --spark}: the command as a client of a cluster, by way of Spark's own {@code
 * SparkSubmit}.
 */
package io.millrace.spark.submit;
