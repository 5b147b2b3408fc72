/** How long workers take to hear each other. */
package io.millrace.spark.measure;
