/** Which block is where, and when it must be elsewhere: block feeds, the pipeline, the planner. */
package io.millrace.prefetch;
